import { parseRequirements } from './requirements.ts';
import type { Preferences } from './preferences-option.ts';
import { parseUnitFile } from './unit-file.ts';

const read = (fleet: string, name = 'web@1.service') => {
  const { requirements, problems, warnings } = parseRequirements(
    parseUnitFile(`[X-Fleet]\n${fleet}\n`),
    name,
  );
  return { preferences: requirements.preferences, problems, warnings };
};

const none: Preferences = { prefer: [], avoid: [], avoidUnits: [], spread: null };

test.each<[what: string, fleet: string, expected: Partial<Preferences>]>([
  [
    'metadata that are preferred; values of one key are as good as each other',
    'PreferMetadata=disk=ssd\nPreferMetadata=disk=nvme\nPreferMetadata=cpus>=8',
    {
      prefer: [
        { type: 'in', key: 'disk', values: ['ssd', 'nvme'] },
        { type: '>=', key: 'cpus', limit: 8 },
      ],
    },
  ],
  [
    'metadata that are avoided',
    'AvoidMetadata=spot',
    { avoid: [{ type: 'present', key: 'spot' }] },
  ],
  ['units', 'AvoidUnits=%p@*.service db*', { avoidUnits: ['web@*.service', 'db*'] }],
  ['spread', 'Spread=az', { spread: { key: 'az', units: [] } }],
  ['the last one', 'Spread=az\nSpread=rack', { spread: { key: 'rack', units: [] } }],
  [
    'spread with others',
    'Spread=az\nSpreadUnits=web-*.service',
    { spread: { key: 'az', units: ['web-*.service'] } },
  ],
])('%s', (_, fleet, expected) => {
  expect(read(fleet)).toEqual({
    preferences: { ...none, ...expected },
    problems: [],
    warnings: [],
  });
});

test.each([
  ['nothing', ''],
  ['taken back', 'Spread=az\nSpread='],
])('no preference: %s', (_, fleet) => {
  expect(read(fleet)).toEqual({ preferences: null, problems: [], warnings: [] });
});

test.each([
  ['two words', 'Spread=az rack', 'Spread=az rack is not the name of a metadata key'],
  ['a pair', 'Spread=az=1', 'Spread=az=1 is not the name of a metadata key'],
  ['no metadata', 'PreferMetadata=a b', 'PreferMetadata="a b" is not of the form key=value'],
  ['nothing to avoid', 'AvoidMetadata==', 'AvoidMetadata="=" is not of the form key=value'],
  [
    'too many patterns',
    `AvoidUnits=${Array.from({ length: 17 }, (_, i) => `u${i}*`).join(' ')}`,
    'AvoidUnits names 17 patterns; the most is 16',
  ],
])('refused: %s', (_, fleet, problem) => {
  expect(read(fleet).problems).toEqual([problem]);
});

test.each([
  [
    'a global unit',
    'web@1.service',
    'Global=yes\nSpread=az',
    'Spread has no effect on a unit that has no choice of machine',
  ],
  [
    'a machine of its own',
    'web@1.service',
    'MachineID=01234567\nAvoidMetadata=a=b',
    'AvoidMetadata has no effect on a unit that has no choice of machine',
  ],
  [
    'alone',
    'web.service',
    'Spread=az',
    'Spread=az has no effect: web.service is no instance of a template, and SpreadUnits names no others',
  ],
  ['nowhere', 'web.service', 'SpreadUnits=a*', 'SpreadUnits has no effect without Spread=KEY'],
  ['malformed', 'a.service', 'AvoidUnits=b[', 'the pattern "b[" is malformed and never matches'],
  [
    'an impossible key',
    'a.service',
    'PreferMetadata=a+=b',
    'PreferMetadata asks for a key "a+", which no machine can have',
  ],
])('warned of: %s', (_, name, fleet, warning) => {
  expect(read(fleet, name)).toMatchObject({ problems: [], warnings: [warning] });
});

test.each(['web@.service', 'web@1.service'])('%s is spread with its like', (name) => {
  expect(read('Spread=az', name).warnings).toEqual([]);
});
