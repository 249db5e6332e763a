import { unsettled } from './settle.ts';
import type { MachineLook } from './settle.ts';
import { unit } from './testing/history.ts';
import type { CastUnit } from './units.ts';

/** @param states - of machine 1, 2, …: unit → active state; each has its file */
function looks(...states: Record<string, string>[]): MachineLook[] {
  return states.map((units, i) => ({
    machine: i + 1,
    states: new Map(Object.entries(units)),
    files: Object.keys(units).map((name) => `/run/systemd/system/${name}`),
  }));
}

const up = { 'a.service': 'active' };
const metadata = new Map([[1, { colour: 'blue' }]]);
const find = (cast: CastUnit[], desired: string, found: MachineLook[]): readonly string[] =>
  unsettled(cast, { desired: new Map(cast.map(({ name }) => [name, desired])), metadata }, found);

test.each<[string, CastUnit, string, MachineLook[]]>([
  ['launched on one machine', unit(), 'launched', looks({}, up)],
  ['nothing left of one that is inactive', unit(), 'inactive', looks({}, {})],
  ['global on all', unit({ kind: 'everywhere' }), 'launched', looks(up, up)],
  [
    'between two runs',
    unit({ kind: 'restless' }),
    'launched',
    looks({ 'a.service': 'activating' }),
  ],
  ['run to its end', unit({ kind: 'once' }), 'launched', looks({ 'a.service': 'inactive' })],
  ['loaded', unit(), 'loaded', looks({ 'a.service': 'inactive' }, {})],
  [
    'where its metadata is',
    unit({ only: { type: 'metadata', key: 'colour', value: 'blue' } }),
    'launched',
    looks(up, {}),
  ],
])('%s: as it should be', (_, cast, desired, found) => {
  expect(find([cast], desired, found)).toEqual([]);
});

test.each<[string, CastUnit, string, MachineLook[], string]>([
  ['lost', unit(), 'launched', looks({}, {}), 'it is on no machine'],
  ['twice', unit(), 'launched', looks(up, up), 'it is up on machines 1, 2'],
  ['down', unit(), 'launched', looks({ 'a.service': 'failed' }), 'it is up on no machine'],
  [
    'global but on one',
    unit({ kind: 'everywhere' }),
    'launched',
    looks(up, {}),
    'it is only on machine 1',
  ],
  ['still up', unit(), 'inactive', looks(up), 'something of it is left on machine 1'],
  [
    'its file is left',
    unit(),
    'absent',
    [{ machine: 1, states: new Map(), files: ['/etc/systemd/system/x.wants/a.service'] }],
    'something of it is left on machine 1',
  ],
  ['loaded but up', unit(), 'loaded', looks(up), 'it is up on machine 1'],
  [
    'on the wrong machine',
    unit({ only: { type: 'machine', machine: 1 } }),
    'launched',
    looks({}, up),
    'it may not be on machine 2',
  ],
])('%s: not as it should be', (_, cast, desired, found, text) => {
  expect(find([cast], desired, found)).toContain(`a.service (${desired}): ${text}`);
});

test('neighbours: what keeps apart and what follows', () => {
  const both = looks({ 'a.service': 'active', 'b.service': 'active' }, {});
  const apart = [unit({ apart: 'x' }), unit({ name: 'b.service', apart: 'x' })];
  expect(find(apart, 'launched', both)).toEqual(['b.service and a.service are both on machine 1']);
  const follower = [unit(), unit({ name: 'b.service', follows: 'a.service' })];
  expect(find(follower, 'launched', looks(up, { 'b.service': 'active' }))).toEqual([
    'b.service is on machine 2 without a.service',
  ]);
});
