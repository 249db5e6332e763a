import fc from 'fast-check';
import { formatMetadataTest, meetsMetadataTest, metadataMismatch } from './metadata-test.ts';
import type { MetadataTest } from './metadata-test.ts';
import { readMetadata } from './metadata-option.ts';

const read = (...values: string[]) => readMetadata('MachineMetadata', values);

test.each<[value: string, expected: MetadataTest]>([
  ['disk!=hdd', { type: 'not-in', key: 'disk', values: ['hdd'] }],
  ['disk != slow disk', { type: 'not-in', key: 'disk', values: ['slow disk'] }],
  ['disk in (ssd, nvme,ssd)', { type: 'in', key: 'disk', values: ['ssd', 'nvme'] }],
  ['disk in(ssd)', { type: 'in', key: 'disk', values: ['ssd'] }],
  ['disk in (a=b)', { type: 'in', key: 'disk', values: ['a=b'] }],
  ['disk not in (hdd, tape)', { type: 'not-in', key: 'disk', values: ['hdd', 'tape'] }],
  ['gpu', { type: 'present', key: 'gpu' }],
  ['!gpu', { type: 'absent', key: 'gpu' }],
  ['cpus<8', { type: '<', key: 'cpus', limit: 8 }],
  ['cpus<=8', { type: '<=', key: 'cpus', limit: 8 }],
  ['cpus>7.5', { type: '>', key: 'cpus', limit: 7.5 }],
  ['cpus >= -8', { type: '>=', key: 'cpus', limit: -8 }],
])('with an operator: %s', (value, expected) => {
  expect(read(value)).toEqual({
    metadata: new Map(),
    metadataTests: [expected],
    problems: [],
    warnings: [],
  });
});

test.each<[value: string, key: string, of: string[]]>([
  ['a=b', 'a', ['b']],
  ['a=!b', 'a', ['!b']],
  ['a=>5', 'a', ['>5']],
  ['a=(b, c)', 'a', ['(b, c)']],
  ['a=b disk in (ssd, nvme)', 'a', ['b disk in (ssd, nvme)']],
  ['a=b !gpu', 'a', ['b !gpu']],
])('a pair as fleet had it, and nothing else: %s', (value, key, of) => {
  expect(read(value)).toMatchObject({ metadata: new Map([[key, of]]), metadataTests: [] });
});

test.each([
  ['two words', 'fast ssd'],
  ['a list that is followed by something', 'disk in (ssd) region=eu'],
  ['an empty list', 'disk in ()'],
  ['a list with a gap', 'disk in (ssd,,nvme)'],
  ['less than no number', 'cpus<many'],
  ['no value', 'disk!='],
  ['two operators', 'disk!=a=b'],
  ['no key', '<8'],
  ['not nothing', '!'],
])('refused: %s', (_, value) => {
  expect(read(value)).toMatchObject({
    metadataTests: [],
    problems: [`MachineMetadata=${JSON.stringify(value)} is not of the form key=value`],
  });
});

test('operators and pairs on one line; a bare word among them is half of something', () => {
  expect(read('region=eu cpus>=8 disk!=hdd')).toEqual({
    metadata: new Map([['region', ['eu']]]),
    metadataTests: [
      { type: '>=', key: 'cpus', limit: 8 },
      { type: 'not-in', key: 'disk', values: ['hdd'] },
    ],
    problems: [],
    warnings: [],
  });
  expect(read('region!=us cpus>4', 'zone=a memory<=8 disk!=hdd')).toEqual({
    metadata: new Map([['zone', ['a']]]),
    metadataTests: [
      { type: 'not-in', key: 'region', values: ['us'] },
      { type: '>', key: 'cpus', limit: 4 },
      { type: '<=', key: 'memory', limit: 8 },
      { type: 'not-in', key: 'disk', values: ['hdd'] },
    ],
    problems: [],
    warnings: [],
  });
  expect(read('rack!=second floor', '"name=a b>4"')).toMatchObject({
    metadata: new Map([['name', ['a b>4']]]),
    metadataTests: [{ type: 'not-in', key: 'rack', values: ['second floor'] }],
  });
  expect(read('region=eu cpus>=8 gpu').problems).toEqual([
    'MachineMetadata="gpu" is not of the form key=value',
  ]);
});

test('a key that no machine can have is warned of: it is no comparison', () => {
  expect(read('cpus>=many')).toEqual({
    metadata: new Map([['cpus>', ['many']]]),
    metadataTests: [],
    problems: [],
    warnings: ['MachineMetadata asks for a key "cpus>", which no machine can have'],
  });
});

test.each<[value: string, metadata: Record<string, string>, why: string | null]>([
  ['disk!=hdd', { disk: 'ssd' }, null],
  ['disk!=hdd', {}, null],
  ['disk!=hdd', { disk: 'hdd' }, 'wants disk!=hdd, the machine has disk=hdd'],
  ['disk not in (a, b)', { disk: 'b' }, 'wants disk not in (a, b), the machine has disk=b'],
  ['disk in (a, b)', { disk: 'b' }, null],
  ['disk in (a, b)', { disk: 'c' }, 'wants disk in (a, b), the machine has disk=c'],
  ['disk in (a, b)', {}, 'wants disk in (a, b), the machine has no disk'],
  ['gpu', { gpu: 'a' }, null],
  ['gpu', {}, 'wants gpu, the machine has no gpu'],
  ['constructor', {}, 'wants constructor, the machine has no constructor'],
  ['!gpu', {}, null],
  ['!gpu', { gpu: 'a' }, 'wants !gpu, the machine has gpu=a'],
  ['cpus>=8', { cpus: '8' }, null],
  ['cpus>=8', { cpus: '12' }, null],
  ['cpus>=8', { cpus: '7' }, 'wants cpus>=8, the machine has cpus=7'],
  ['cpus>8', { cpus: '8' }, 'wants cpus>8, the machine has cpus=8'],
  ['cpus<8', { cpus: '8' }, 'wants cpus<8, the machine has cpus=8'],
  ['cpus<=8', { cpus: '8.0' }, null],
  ['cpus<=8', {}, 'wants cpus<=8, the machine has no cpus'],
  ['cpus<=8', { cpus: 'few' }, 'wants cpus<=8, the machine has cpus=few, which is no number'],
])('%s of %p', (value, metadata, why) => {
  const expected = why === null ? null : `MachineMetadata ${why}`;
  expect(metadataMismatch(read(value), metadata)).toBe(expected);
});

test('pairs of one key are alternatives, everything else has to hold as well', () => {
  const asked = read('disk=ssd', 'disk=nvme', 'cpus>=8', 'disk!=nvme');
  expect(metadataMismatch(asked, { disk: 'ssd', cpus: '8' })).toBeNull();
  expect(metadataMismatch(asked, { disk: 'nvme', cpus: '8' })).toMatch(/wants disk!=nvme/);
  expect(metadataMismatch(asked, { disk: 'ssd', cpus: '4' })).toMatch(/wants cpus>=8/);
  expect(metadataMismatch(asked, { disk: 'hdd', cpus: '8' })).toMatch(
    /wants disk=ssd or disk=nvme/,
  );
});

const word = fc.stringMatching(/^[a-z0-9_.-]{1,5}$/);
const anyTest: fc.Arbitrary<MetadataTest> = fc.oneof(
  fc.record({
    type: fc.constantFrom('in' as const, 'not-in' as const),
    key: word,
    values: fc.uniqueArray(word, { minLength: 2, maxLength: 3 }),
  }),
  fc.record({ type: fc.constantFrom('present' as const, 'absent' as const), key: word }),
  fc.record({
    type: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
    key: word,
    limit: fc.integer(),
  }),
);

test('what is written out is read as the same', () => {
  fc.assert(
    fc.property(anyTest, (asked) => {
      expect(read(formatMetadataTest(asked)).metadataTests).toEqual([asked]);
    }),
  );
});

test('what fleet took for a pair is one, unless its key ends in an operator', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', '=', '!', '<', '>', ' ', '(', ')', ','),
  });
  fc.assert(
    fc.property(text, (value) => {
      const [key = '', of = '', ...more] = value.split('=');
      const isPair = key !== '' && of !== '' && more.length === 0 && !/\s/.test(key);
      fc.pre(isPair && !/^[ab]+[!<>]$/.test(key));
      expect(read(value)).toMatchObject({ metadata: new Map([[key, [of]]]), metadataTests: [] });
    }),
    { numRuns: 2000 },
  );
});

test.each<[MetadataTest, boolean]>([
  [{ type: 'in', key: 'a', values: ['1'] }, true],
  [{ type: 'absent', key: 'a' }, false],
])('%p of a=1', (asked, expected) => {
  expect(meetsMetadataTest(asked, { a: '1' })).toBe(expected);
});
