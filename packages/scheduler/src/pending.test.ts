import type { Explainer } from '@muster/core';
import { createExplainer } from './explainer.ts';
import { foresee } from './foresee.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const pending = (cluster: Cluster): ReturnType<Explainer['pending']> =>
  createExplainer().pending({
    ...cluster.snapshot(),
    leader: { machine: 'm1', apiUrl: null, createRevision: 1 },
  });

test('units that are wanted and nowhere, by name, each with a short reason', () => {
  const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2', { az: 'a' }).machine('m3');
  cluster.unit('z.service', 'MachineMetadata=az=b').unit('ok.service');
  cluster.unit('all.service', 'Global=true\nMachineMetadata=az=c');
  cluster.unit('idle.service', '', 'inactive').unit('t@.service', '', 'inactive').rest();
  cluster.unit('new.service');
  expect(pending(cluster)).toEqual([
    {
      unit: 'all.service',
      machine: null,
      reason:
        'no machine matches: 2 machines: MachineMetadata wants az=c, the machine has az=a; 1 more for other reasons',
    },
    { unit: 'new.service', machine: null, reason: 'the leader is about to put it on m2' },
    {
      unit: 'z.service',
      machine: null,
      reason:
        'no machine can take it: 2 machines: MachineMetadata wants az=b, the machine has az=a; 1 more for other reasons',
    },
  ]);
});

test('a unit on an absent machine is pending there, unless another machine has it too', () => {
  const cluster = new Cluster().machine('m1').machine('m2');
  cluster.unit('a.service', 'MachineID=m1').unit('g.service', 'Global=true').rest();
  cluster.lose('m1');
  expect(pending(cluster)).toEqual([
    {
      unit: 'a.service',
      machine: 'm1',
      reason: 'its machine m1 is absent and MachineID allows no other',
    },
  ]);
});

test('a machine whose record does not parse keeps its units', () => {
  const cluster = new Cluster().machine('m1').unit('a.service');
  cluster.rest();
  cluster.lose('m1').corrupt.push({ key: '/muster/machine/m1', problem: 'not JSON' });
  expect(pending(cluster)).toEqual([]);
});

test('a record that does not parse is the reason of its unit', () => {
  const cluster = new Cluster().machine('m1').unit('a.service');
  cluster.corrupt.push({ key: '/muster/placement/a.service', problem: 'not JSON' });
  expect(pending(cluster)).toEqual([
    { unit: 'a.service', machine: null, reason: '/muster/placement/a.service: not JSON' },
  ]);
});

test('what is said follows the store, revision by revision', () => {
  const cluster = new Cluster().machine('m1').unit('a.service');
  const explainer = createExplainer();
  const names = (): string[] => explainer.pending(cluster.snapshot()).map(({ unit }) => unit);
  expect(names()).toEqual(['a.service']);
  cluster.unit('b.service', 'MachineMetadata=az=b');
  expect(names()).toEqual(['a.service', 'b.service']);
  cluster.rest();
  expect(names()).toEqual(['b.service']);
});

test('of many machines the first are asked; explain names each of them', () => {
  const cluster = new Cluster();
  for (let i = 10; i < 50; i += 1) cluster.machine(`m${i}`, { az: i < 12 ? 'a' : 'b' });
  cluster.unit('a.service', 'MachineMetadata=az=c').unit('b.service', 'MemoryReservation=2');
  expect(pending(cluster).map(({ reason }) => reason)).toEqual([
    'no machine can take it: 30 machines: MachineMetadata wants az=c, the machine has az=b; 2 more for other reasons (the first 32 of 40 were asked)',
    'no machine can take it: 32 machines: MemoryReservation=2 wants 2 of memory, the machine has 1 (the first 32 of 40 were asked)',
  ]);
  const said = createExplainer().explain(cluster.snapshot(), 'b.service');
  expect(said?.machines.map(({ verdict }) => verdict)).toEqual(Array(40).fill('refuses'));
});

test('what is foreseen of each unit names few machines', () => {
  const cluster = new Cluster();
  for (let i = 10; i < 60; i += 1) cluster.machine(`m${i}`);
  for (let i = 0; i < 20; i += 1) cluster.unit(`u${i}.service`, `MachineID=none${i}`);
  const { unplaced } = foresee(cluster.snapshot(), new Map());
  expect([...unplaced.values()].map(({ machines }) => machines.length)).toEqual(Array(20).fill(32));
});
