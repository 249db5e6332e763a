import type { DesiredState, Unit, UnitWrite } from '@muster/core';
import { LoweredUnits } from './lowered-units.ts';
import { isLowering, showLowering } from './show-lowering.ts';
import type { Found, Lowering, Shown } from './show-lowering.ts';

const unit: Unit = {
  name: 'a.service',
  hash: 'f'.repeat(40),
  desiredState: 'launched',
  restarts: 0,
  origin: { by: 'x' },
  createRevision: 10,
  modRevision: 20,
};
const writeOf = (desiredState: DesiredState): UnitWrite => ({
  name: unit.name,
  expect: 20,
  set: { hash: unit.hash, file: '', desiredState, restarts: 0, origin: unit.origin },
});

test.each<[DesiredState | null, UnitWrite, boolean]>([
  ['launched', writeOf('loaded'), true],
  ['launched', writeOf('launched'), false],
  ['launched', writeOf('inactive'), false],
  ['launched', { name: unit.name, expect: 20, set: null }, false],
  ['loaded', writeOf('loaded'), false],
  ['inactive', writeOf('loaded'), false],
  [null, writeOf('loaded'), false],
])('%s, then %j: lowers a launched unit: %s', (before, write, expected) => {
  const stored = before === null ? null : { ...unit, desiredState: before };
  expect(isLowering(stored, write)).toBe(expected);
});

const lowering: Lowering = { revision: 21, doneSince: null };
const since = (doneSince: number): Lowering => ({ ...lowering, doneSince });
const done: Found = { modRevision: 21, currentState: 'loaded', isDone: true, now: 10_000 };

test.each<[string, Lowering, Partial<Found>, Shown]>([
  [
    'nobody has acted on it yet',
    lowering,
    { currentState: 'launched', isDone: false },
    { currentState: null, lowering },
  ],
  [
    'its process had ended before, and its machine has not answered yet',
    lowering,
    { isDone: false },
    { currentState: null, lowering },
  ],
  [
    'carried out, for the first time that somebody asks',
    lowering,
    {},
    { currentState: 'launched', lowering: since(10_000) },
  ],
  ['asked again in time', since(9501), {}, { currentState: 'launched', lowering: since(9501) }],
  ['after that', since(9500), {}, { currentState: 'loaded', lowering: null }],
  [
    'on another machine meanwhile, which has yet to load it',
    since(1000),
    { currentState: 'inactive', isDone: false },
    { currentState: 'inactive', lowering: since(1000) },
  ],
  [
    'done, then moved to a machine that is not done',
    since(9900),
    { currentState: 'launched', isDone: false },
    { currentState: null, lowering },
  ],
  [
    'on no machine',
    lowering,
    { currentState: 'inactive', isDone: false },
    { currentState: 'inactive', lowering },
  ],
  [
    'somebody has written it since',
    lowering,
    { modRevision: 22 },
    { currentState: 'loaded', lowering: null },
  ],
  [
    'launched again: it is not started yet',
    since(9900),
    { modRevision: 22, isDone: false },
    { currentState: 'loaded', lowering: null },
  ],
  [
    'read before it was lowered',
    lowering,
    { modRevision: 20, currentState: 'launched', isDone: false },
    { currentState: 'launched', lowering },
  ],
])('%s: %j, %j', (_what, before, found, expected) => {
  expect(showLowering(before, { ...done, ...found })).toEqual(expected);
});

describe('lowered units', () => {
  const { now: _, ...found } = done;
  let now = 0;
  beforeEach(() => {
    now = 1000;
  });
  const lowered = (): LoweredUnits => new LoweredUnits({ monotonic: () => now });

  test('are shown launched for half a second, each by itself', () => {
    const units = lowered();
    units.note('a.service', 21);
    units.note('b.service', 21);
    expect(units.show('a.service', found)).toBe('launched');
    now += 499;
    expect(units.show('a.service', found)).toBe('launched');
    expect(units.show('b.service', found)).toBe('launched');
    expect(units.show('c.service', found)).toBe('loaded');
    now += 1;
    expect(units.show('a.service', found)).toBe('loaded');
    expect(units.show('b.service', found)).toBe('launched');
    expect(units.size).toBe(1);
  });

  test('are forgotten a minute after anybody last asked', () => {
    const units = lowered();
    units.note('a.service', 21);
    now += 59_999;
    expect(units.show('a.service', { ...found, isDone: false })).toBeNull();
    now += 59_999;
    expect(units.show('a.service', found)).toBe('launched');
    now += 60_000;
    expect(units.show('a.service', { ...found, isDone: false })).toBe('loaded');
    expect(units.size).toBe(0);
  });

  test('those that nobody asks for make room a minute later', () => {
    const units = lowered();
    units.note('a.service', 21);
    units.note('b.service', 21);
    now += 60_000;
    units.note('c.service', 22);
    expect(units.size).toBe(1);
  });

  test('are at most 1,000: the one asked for longest ago goes', () => {
    const units = lowered();
    for (let i = 0; i < 1000; i += 1) units.note(`${i}.service`, 21);
    expect(units.show('0.service', { ...found, isDone: false })).toBeNull();
    units.note('new.service', 21);
    expect(units.size).toBe(1000);
    expect(units.show('1.service', found)).toBe('loaded');
    expect(units.show('0.service', found)).toBe('launched');
    expect(units.show('new.service', found)).toBe('launched');
  });
});
