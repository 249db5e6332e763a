import { InvalidInputError } from '@muster/core';
import { keysOf } from './keys.ts';
import { isInRange, keysUnder } from './store.ts';

const keys = keysOf('/muster');

test.each([
  ['the cluster record', keys.cluster, '/muster/cluster', { type: 'cluster' }],
  ['the leader', keys.leader, '/muster/leader', { type: 'leader' }],
  ['the audit record', keys.audit, '/muster/audit', { type: 'audit' }],
  ['the brake', keys.brake, '/muster/brake', { type: 'brake' }],
  ['a rebalance', keys.rebalance, '/muster/rebalance', { type: 'rebalance' }],
  ['a loss', keys.loss('m1'), '/muster/loss/m1', { type: 'loss', machine: 'm1' }],
  ['a file', keys.file('abc'), '/muster/file/abc', { type: 'file', hash: 'abc' }],
  [
    'a unit',
    keys.unit('web@1.service'),
    '/muster/unit/web@1.service',
    { type: 'unit', unit: 'web@1.service' },
  ],
  [
    'a placement',
    keys.placement('x.timer'),
    '/muster/placement/x.timer',
    { type: 'placement', unit: 'x.timer' },
  ],
  ['a machine', keys.machine('m1'), '/muster/machine/m1', { type: 'machine', machine: 'm1' }],
  [
    'settings',
    keys.settings('m1'),
    '/muster/machine-settings/m1',
    { type: 'settings', machine: 'm1' },
  ],
  [
    'an assignment',
    keys.assignment('m1', 'x.service'),
    '/muster/assignment/m1/x.service',
    { type: 'assignment', machine: 'm1', unit: 'x.service' },
  ],
  [
    'a state',
    keys.state('m1', 'x.service'),
    '/muster/state/m1/x.service',
    { type: 'state', machine: 'm1', unit: 'x.service' },
  ],
  ['what was told last', keys.told('m1'), '/muster/told/m1', { type: 'told', machine: 'm1' }],
])('%s: name and path', (_, key, name, path) => {
  expect(key).toBe(name);
  expect(keys.path(key)).toEqual(path);
});

test.each([
  ['/other/unit/x.service', 'another prefix'],
  ['/muster2/unit/x.service', 'a prefix that only begins alike'],
  ['/muster/slot/1', 'a kind of a later version'],
  ['/muster/unit/', 'no name'],
  ['/muster/unit/a/b', 'a name with a slash'],
  ['/muster/assignment/m1', 'no unit'],
  ['/muster/assignment/m1/x/y', 'too deep'],
  ['/muster/cluster/x', 'below a single key'],
])('%s is unknown: %s', (key) => {
  expect(keys.path(key)).toEqual({ type: 'unknown' });
});

test.each(['', 'muster', '/muster/', '/', '/a//b', '/a b'])(
  'the prefix %j is refused',
  (prefix) => {
    expect(() => keysOf(prefix)).toThrow(InvalidInputError);
  },
);

test('a range holds what begins with its prefix and nothing else', () => {
  const range = keysUnder('/muster/assignment/m1/');
  expect(isInRange(range, '/muster/assignment/m1/x.service')).toBe(true);
  expect(isInRange(range, '/muster/assignment/m10/x.service')).toBe(false);
  expect(isInRange(range, '/muster/assignment/m1')).toBe(false);
});
