import { decideMetadata } from './decide-metadata.ts';
import { readMetadataOps } from './read-body.ts';

const a = 'a'.repeat(32);
const b = 'b'.repeat(32);
const set = (path: string, value: unknown, op = 'add'): object => ({ op, path, value });

function patchesIn(ops: unknown): unknown {
  const read = readMetadataOps(ops);
  if (read.type === 'malformed') return `unreadable: ${read.why}`;
  const decision = decideMetadata(read.body);
  if (decision.type === 'refused') return decision.message;
  return [...decision.patches].map(([machine, patch]) => [machine, [...patch]]);
}

test.each<[string, unknown, unknown]>([
  ['nothing', [], []],
  ['null is nothing', null, []],
  ['a plain value', [set(`/${a}/metadata/k`, 'v')], [[a, [['k', 'v']]]]],
  ['a value in an object', [set(`/${a}/metadata/k`, { value: 'v' })], [[a, [['k', 'v']]]]],
  [
    'keys in another case',
    [{ OP: 'add', Path: `/${a}/metadata/k`, VALUE: { Value: 'v' } }],
    [[a, [['k', 'v']]]],
  ],
  ['a key as fleet allows it', [set(`/${a}/metadata/A-z_0.9`, 'v')], [[a, [['A-z_0.9', 'v']]]]],
  ['a key that objects have', [set(`/${a}/metadata/__proto__`, 'v')], [[a, [['__proto__', 'v']]]]],
  ['removing', [{ op: 'remove', path: `/${a}/metadata/k` }], [[a, [['k', null]]]]],
  [
    'removing does not care for a value',
    [set(`/${a}/metadata/k`, '\n', 'remove')],
    [[a, [['k', null]]]],
  ],
  [
    'the later step wins; one write for each machine',
    [
      set(`/${a}/metadata/k`, '1'),
      set(`/${b}/metadata/k`, '2'),
      set(`/${a}/metadata/k`, '3', 'replace'),
      set(`/${a}/metadata/l`, '4'),
    ],
    [
      [
        a,
        [
          ['k', '3'],
          ['l', '4'],
        ],
      ],
      [b, [['k', '2']]],
    ],
  ],
  [
    'no op',
    [{ path: `/${a}/metadata/k`, value: 'v' }],
    'invalid op: expect add, remove, or replace',
  ],
  ['the op before the path', [set('x', 'v', 'Add')], 'invalid op: expect add, remove, or replace'],
  ['the path before the value', [set('x', '')], 'machine metadata path invalid'],
  ['no machine', [set('//metadata/k', 'v')], 'machine metadata path invalid'],
  ['no key', [set(`/${a}/metadata/`, 'v')], 'machine metadata path invalid'],
  ['more than a key', [set(`/${a}/metadata/k/l`, 'v')], 'machine metadata path invalid'],
  ['a key with a blank', [set(`/${a}/metadata/a b`, 'v')], 'machine metadata path invalid'],
  ['what can be no machine', [set('/web1/metadata/k', 'v')], 'machine metadata path invalid'],
  [
    'no value',
    [set(`/${a}/metadata/k`, undefined)],
    'invalid value: add and replace require a value',
  ],
  [
    'an empty value',
    [set(`/${a}/metadata/k`, { value: '' })],
    'invalid value: add and replace require a value',
  ],
  [
    'two lines',
    [set(`/${a}/metadata/k`, 'a\nb')],
    'invalid value: it must be 1 to 1024 printable characters',
  ],
  ['a number', [set(`/${a}/metadata/k`, 5)], 'unreadable: [0].value must be a string'],
  ['a list', [set(`/${a}/metadata/k`, ['x'])], 'unreadable: [0].value must be an object'],
  [
    'an object with a number',
    [set(`/${a}/metadata/k`, { value: 5 })],
    'unreadable: [0].value.value must be a string',
  ],
  ['no list', { op: 'add' }, 'unreadable: the body must be an array'],
])('%s', (_what, ops, expected) => {
  expect(patchesIn(ops)).toEqual(expected);
});
