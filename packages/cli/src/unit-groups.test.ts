import type { StatesBody, UnitBody } from '@muster/api/client';
import { groupsOf, templateLine } from './unit-groups.ts';

const unit = (name: string, desiredState: UnitBody['desiredState'] = 'launched'): UnitBody => ({
  name,
  hash: '',
  desiredState,
  currentState: desiredState,
  isGlobal: false,
  description: null,
  machines: [],
  restarts: 0,
  perMachine: {},
  failures: null,
  origin: { by: 'test' },
  revision: 1,
});

const state = (
  name: string,
  machine: string,
  activeState = 'active',
  isCurrent = true,
): StatesBody['states'][number] => ({
  unit: name,
  machine,
  loadState: 'loaded',
  activeState,
  subState: '',
  result: null,
  exit: null,
  flapping: null,
  problem: null,
  failure: null,
  since: 0,
  hash: '',
  isCurrent,
});

const line = (
  units: readonly UnitBody[],
  states: StatesBody['states'],
  pending: StatesBody['pending'] = [],
): string => templateLine('web@.service', units, { states, pending }).text;

test('all of them are active', () => {
  const units = [unit('web@.service', 'inactive'), unit('web@1.service'), unit('web@2.service')];
  const states = [state('web@1.service', 'm1'), state('web@2.service', 'm1')];
  expect(line(units, states)).toBe('web@.service: 2 of 2 instances are active, on 1 machine');
});

test('what is wrong is counted, and why one is nowhere', () => {
  const names = ['1', '2', '3', '4', '5', '6'].map((n) => `web@${n}.service`);
  const units = [...names.map((name) => unit(name)), unit('web@7.service', 'inactive')];
  const states = [
    state('web@1.service', 'm1'),
    state('web@2.service', 'm2', 'failed'),
    state('web@3.service', 'm3', 'activating'),
    state('web@4.service', 'm1', 'active', false),
    state('web@5.service', 'm1'),
    state('web@5.service', 'm2', 'failed'),
    state('other.service', 'm9', 'failed'),
  ];
  const pending = [
    { unit: 'web@6.service', machine: null, reason: 'no machine can take it' },
    { unit: 'x.service', machine: null, reason: 'else' },
  ];
  expect(line(units, states, pending)).toBe(
    'web@.service: 1 of 6 instances are active, on 1 machine; 2 failed; 1 pending (no machine can take it); 2 not active; 1 inactive as asked',
  );
});

test('a template without instances', () => {
  expect(line([unit('web@.service', 'inactive')], [])).toBe(
    'web@.service: 0 of 0 instances are active',
  );
});

test('each unit is in one group, and a template is none of its own instances', () => {
  const units = [
    unit('web@.service', 'inactive'),
    unit('web@1.service'),
    unit('web@2.service', 'inactive'),
    unit('db.service'),
    unit('idle@.service', 'inactive'),
  ];
  const states = [
    state('web@1.service', 'm2'),
    state('web@1.service', 'm1'),
    { ...state('db.service', 'm1', 'failed'), failure: '203/EXEC' },
    state('gone.service', 'm3', 'deactivating', false),
  ];
  const none = { wanted: 0, active: 0, failed: 0, pending: 0, other: 0, inactive: 0 };
  expect([...groupsOf(units, { states, pending: [] }).values()]).toEqual([
    { ...none, group: 'db.service', wanted: 1, failed: 1, machines: [], failure: '203/EXEC' },
    { ...none, group: 'gone.service', machines: [], failure: null },
    {
      ...none,
      group: 'web@.service',
      wanted: 1,
      active: 1,
      inactive: 1,
      machines: ['m1', 'm2'],
      failure: null,
    },
  ]);
});
