import fc from 'fast-check';
import type { Machine } from '@muster/core';
import { VirtualClock } from '../../../core/src/testing/virtual-clock.ts';
import { KeptListings } from './kept-listings.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import type { PageToken } from './page-token.ts';
import { cutPage } from './pages.ts';
import { keyOf } from './rows.ts';
import type { Row } from './rows.ts';

const machine: Omit<Machine, 'id'> = {
  bootId: 'boot',
  hostname: 'host',
  address: null,
  apiUrl: null,
  metadata: {},
  capacity: { cpus: 1, memoryBytes: 1 },
  version: '1',
  awaySince: null,
  modRevision: 1,
};
const rowsOf = (names: Iterable<string>): Row[] =>
  [...names].sort().map((id) => ({ type: 'machine', machine: { ...machine, id }, metadata: {} }));
const namesOf = (rows: readonly Row[]): string[] => rows.map((row) => keyOf(row).name);
const listing = 'ab'.repeat(8);
const after = (name: string, at = ''): PageToken => ({
  limit: 2,
  page: 2,
  continued: { listing, revision: 7, after: { name, machine: at } },
});

describe('tokens', () => {
  test.each<[number, number, string]>([
    [100, 1, 'ZAABAA=='],
    [100, 2, 'ZAACAA=='],
    [65_535, 62, '__8-AA=='],
    [2, 100_000, 'AgD__w=='],
  ])('%d a page, page %d: %s, as in fleet', (limit, page, text) => {
    expect(encodePageToken({ limit, page, continued: null })).toBe(text);
    expect(decodePageToken([text], limit)).toEqual({
      type: 'token',
      token: { limit, page: Math.min(page, 65_535), continued: null },
    });
  });

  test.each<[string[], string]>([
    [['a', 'b'], 'too many values for page token'],
    [[''], 'EOF'],
    [['ZAAB'], 'unexpected EOF'],
    [['ZAABAA'], 'illegal base64 data at input byte 6'],
    [['ZA+BAA=='], 'illegal base64 data at input byte 2'],
    [['Z'], 'illegal base64 data at input byte 1'],
    [['ZAABAA==='], 'illegal base64 data at input byte 6'],
    [['AgABAA=='], 'token limit must be 100'],
    [['ZAAAAA=='], 'token page must be greater than zero'],
    [[`ZAACA${'_'.repeat(23)}`], 'token of another server'],
  ])('%j is refused: %s', (values, why) => {
    expect(decodePageToken(values, 100)).toEqual({ type: 'refused', why });
  });

  test('property: what is encoded is decoded; fleet would read its own part of it', () => {
    const name = fc.stringMatching(/^[0-9a-zA-Z:_.\\@-]{1,40}$/);
    const id = fc.stringMatching(/^[0-9a-f]{32}$/);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.integer({ min: 1, max: 65_535 }),
        fc.record({ name, machine: fc.oneof(fc.constant(''), id) }),
        fc.maxSafeNat(),
        (limit, page, key, revision) => {
          const token = { limit, page, continued: { listing, revision, after: key } };
          const text = encodePageToken(token);
          expect(decodePageToken([text], limit)).toEqual({ type: 'token', token });
          expect(text).toMatch(/^[A-Za-z0-9_-]+=*$/);
          const bytes = Buffer.from(text, 'base64');
          expect([bytes.readUInt16LE(0), bytes.readUInt16LE(2)]).toEqual([limit, page]);
        },
      ),
    );
  });

  test('property: no text is more than refused', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.uint8Array().map(urlSafe));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 3 }), (value, limit) => {
        const decoded = decodePageToken([value], limit);
        if (decoded.type === 'token') cutPage(rowsOf(['a', 'b', 'c']), decoded.token, limit);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a page', () => {
  const rows = rowsOf(['a', 'b', 'c', 'd', 'e']);
  test.each<[string, PageToken | null, string, string | null]>([
    ['the first', null, 'ab', 'b'],
    ['fleet’s second', { limit: 2, page: 2, continued: null }, 'cd', 'd'],
    ['fleet’s last', { limit: 2, page: 3, continued: null }, 'e', null],
    ['fleet’s beyond the last', { limit: 2, page: 9, continued: null }, '', null],
    ['after one that is there', after('b'), 'cd', 'd'],
    ['after one that is not', after('bb'), 'cd', 'd'],
    ['after everything', after('z'), '', null],
    ['that ends with the last one', after('c'), 'de', null],
  ])('%s', (_what, token, names, next) => {
    const page = cutPage(rows, token, 2);
    expect([namesOf(page.rows).join(''), page.next?.name ?? null]).toEqual([names, next]);
  });
});

/** Between two pages: units that come, units that go, and whether the kept listing is lost. */
const step = fc.record({
  add: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }),
  remove: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }),
  isLost: fc.boolean(),
});
const nameOf = (n: number): string => `u${n}.service`;

test('property: what was there throughout is listed exactly once, in order, whatever happens meanwhile', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 50 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(step, { minLength: 1, maxLength: 10 }),
      (first, limit, steps) => {
        const present = new Set(first.map(nameOf));
        const throughout = new Set(present);
        const ever = new Set(present);
        let rows = rowsOf(present);
        let token: PageToken | null = null;
        const seen: string[] = [];
        for (let i = 0; ; i += 1) {
          const page = cutPage(rows, token, limit);
          seen.push(...namesOf(page.rows));
          if (page.next === null) break;
          expect(i).toBeLessThan(500);
          expect(page.rows).toHaveLength(limit);
          const written = encodePageToken({
            limit,
            page: i + 2,
            continued: { listing, revision: i, after: page.next },
          });
          const decoded = decodePageToken([written], limit);
          if (decoded.type === 'refused') throw new Error(decoded.why);
          ({ token } = decoded);
          const { add, remove, isLost } = steps[i % steps.length] ?? { add: [], remove: [] };
          for (const name of remove.map(nameOf)) {
            present.delete(name);
            throughout.delete(name);
          }
          for (const name of add.map(nameOf)) {
            present.add(name);
            ever.add(name);
          }
          if (isLost === true) rows = rowsOf(present);
        }
        expect(seen).toEqual([...new Set(seen)].sort());
        expect(seen.filter((name) => throughout.has(name))).toEqual([...throughout].sort());
        expect(seen.filter((name) => !ever.has(name))).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

describe('kept listings', () => {
  const nothing = { what: 'units', revision: 7, rows: [] };
  const clock = new VirtualClock();
  const over = new AbortController();
  afterAll(() => over.abort());
  const listings = (): KeptListings => new KeptListings({ clock, signal: over.signal });

  test('are found again by id and kind, until dropped', () => {
    const kept = listings();
    const units = { what: 'units', revision: 7, rows: rowsOf(['a']) };
    const id = kept.keep(units);
    expect(kept.find(id, 'units')).toBe(units);
    expect(kept.find(id, 'states')).toBeNull();
    expect(kept.find('00'.repeat(8), 'units')).toBeNull();
    kept.drop(id);
    expect(kept.find(id, 'units')).toBeNull();
  });

  test('of one moment share their rows', () => {
    const kept = listings();
    const units = { what: 'units', revision: 7, rows: rowsOf(['a']) };
    kept.keep(units);
    expect(kept.made('units', 7)).toBe(units);
    expect(kept.made('units', 8)).toBeNull();
    expect(kept.made('states', 7)).toBeNull();
  });

  test('are at most 16: the one used longest ago goes', () => {
    const kept = listings();
    const ids = Array.from({ length: 16 }, () => kept.keep(nothing));
    kept.find(ids[0] ?? '', 'units');
    kept.keep(nothing);
    expect(kept.size).toBe(16);
    expect(ids.map((id) => kept.find(id, 'units') !== null)).toEqual(ids.map((_id, i) => i !== 1));
  });

  test('are gone a minute after their last use, and freed within another', async () => {
    const kept = listings();
    const id = kept.keep(nothing);
    await clock.advance(59_000);
    expect(kept.find(id, 'units')).not.toBeNull();
    await clock.advance(59_999);
    expect(kept.find(id, 'units')).not.toBeNull();
    await clock.advance(60_000);
    expect(kept.find(id, 'units')).toBeNull();
    await clock.advance(60_000);
    expect(kept.size).toBe(0);
    kept.keep(nothing);
    await clock.advance(120_000);
    expect(kept.size).toBe(0);
  });
});

function urlSafe(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
