import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseUnitFile, parseUnitName, serializeUnitFile, unitTypes } from '@muster/core';
import { Lab } from './lab.ts';
import { differences, putFiles, readProperties } from './unit-properties.ts';
import type { Properties } from './unit-properties.ts';

jest.setTimeout(300_000);

const lab = new Lab();
const etc = '/etc/systemd/system';
beforeAll(async () => {
  await lab.up(1, { etcd: 0, musterd: false });
  // A masked unit has nothing to compare; the lab masks what the host has switched on.
  await lab.sh(1, `find ${etc} -lname /dev/null -delete`);
});
afterAll(() => lab.down());

const normalised = (content: Buffer): string =>
  serializeUnitFile(parseUnitFile(content.toString('utf8')));
const isUnit = (name: string): boolean => unitTypes.some((type) => name.endsWith(`.${type}`));
const filesIn = (directory: string): string[] =>
  entriesOf(directory).filter((name) => lstatSync(join(directory, name)).isFile());
const entriesOf = (directory: string): string[] => {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
};
const read = (path: string): Buffer => readFileSync(path);

/** A unit that the file applies to: of a template an instance. */
function sampleOf(name: string): string {
  if (parseUnitName(name).isTemplate) return name.replace('@.', '@muster-sample.');
  return name.replace(/-\.(?=[a-z]+$)/, '-sample.');
}

/** Where the file lies, and what it was read from; never a matter of its content. */
const places = new Set(['FragmentPath', 'DropInPaths', 'SourcePath']);

/** Reads the units twice as they are, and once more after `change`; what moves by itself does not count. */
async function compare(units: readonly string[], change: () => Promise<void>): Promise<string[]> {
  const first = await readProperties(lab, 1, units);
  const second = await readProperties(lab, 1, units);
  const moving = new Set(
    differences(first, second, () => false).map((line) => line.slice(0, line.indexOf(':'))),
  );
  await change();
  const after = await readProperties(lab, 1, units);
  return differences(
    second,
    after,
    (unit, property) => places.has(property) || moving.has(`${unit} ${property}`),
  );
}

/** How many properties of how many units there were to compare. */
function sizeOf(properties: Properties): number {
  return [...properties.values()].reduce((sum, each) => sum + each.size, 0);
}

test('systemd reads the normalised copy of every unit file of the system as it reads the file', async () => {
  const directory = '/usr/lib/systemd/system';
  const names = filesIn(directory).filter(isUnit);
  expect(names.length).toBeGreaterThan(100);
  const copies = names.map((name) => [name, normalised(read(join(directory, name)))] as const);
  const differing = await compare(names.map(sampleOf), () =>
    putFiles(lab, 1, { directory: etc, files: new Map(copies) }),
  );
  expect(differing).toEqual([]);
  const after = await readProperties(lab, 1, names.map(sampleOf));
  const fragments = [...after.values()].map((of) => of.get('FragmentPath'));
  expect(fragments.filter((path) => !path?.startsWith(`"${etc}/`))).toEqual([]);
  expect(sizeOf(after)).toBeGreaterThan(50 * names.length);
  await lab.sh(1, `cd ${etc} && rm ${names.map((name) => `'${name}'`).join(' ')}`);
});

test('the same with drop-ins', async () => {
  const directory = '/usr/lib/systemd/system';
  const dropIns = entriesOf(directory)
    .filter((name) => name.endsWith('.d') && isUnit(name.slice(0, -2)))
    .flatMap((name) => filesIn(join(directory, name)).map((file) => `${name}/${file}`))
    .filter((path) => path.endsWith('.conf'));
  expect(dropIns.length).toBeGreaterThan(0);
  const units = dropIns.map((path) => sampleOf(path.slice(0, path.indexOf('.d/'))));
  const copies = dropIns.map((path) => [path, normalised(read(join(directory, path)))] as const);
  expect(
    await compare(units, () => putFiles(lab, 1, { directory: etc, files: new Map(copies) })),
  ).toEqual([]);
  const after = await readProperties(lab, 1, units);
  for (const [i, path] of dropIns.entries()) {
    expect(after.get(units[i] ?? '')?.get('DropInPaths')).toContain(`"${etc}/${path}"`);
  }
});

const tricky = join(__dirname, '../../core/src/testing/tricky-units');
test.each([
  ['every unit file of users', '/usr/lib/systemd/user', 20],
  ['files made to be tricky', tricky, 15],
])('the same with %s, read by the system manager', async (_, directory, least) => {
  // Under a name of their own, for the system has some of the same name.
  const sources = filesIn(directory).filter(isUnit);
  expect(sources.length).toBeGreaterThan(least);
  const texts = new Map(sources.map((name) => [`cmp-${name}`, read(join(directory, name))]));
  await putFiles(lab, 1, { directory: etc, files: texts });
  const copies = [...texts].map(([name, content]) => [name, normalised(content)] as const);
  const units = [...texts.keys()].map(sampleOf);
  const loaded = await readProperties(lab, 1, units);
  const states = [...loaded].map(([unit, of]) => `${unit} ${of.get('LoadState')}`);
  expect(states.filter((state) => !state.endsWith(' "loaded"'))).toEqual([]);
  expect(
    await compare(units, () => putFiles(lab, 1, { directory: etc, files: new Map(copies) })),
  ).toEqual([]);
});

test('a difference is seen, with its unit and its property', async () => {
  const put = (description: string): Promise<void> =>
    putFiles(lab, 1, {
      directory: etc,
      files: new Map([['cmp-differs.target', `[Unit]\nDescription=${description}\n`]]),
    });
  await put('before');
  expect(await compare(['cmp-differs.target'], () => put('after'))).toEqual([
    'cmp-differs.target Description: was "before", is "after"',
  ]);
});
