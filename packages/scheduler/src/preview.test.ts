import { hashUnitFile, parseUnitFile, serializeUnitFile } from '@muster/core';
import type { Preview, Unit } from '@muster/core';
import { createExplainer } from './explainer.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

/** What would become of units with these `[X-Fleet]` sections. */
function preview(
  cluster: Cluster,
  wanted: Record<string, string>,
  destroyed: readonly string[] = [],
): Preview {
  const files = new Map<string, string>();
  const units = Object.entries(wanted).map(([name, fleet]): Unit => {
    const file = parseUnitFile(`[Service]\nExecStart=/bin/true\n[X-Fleet]\n${fleet}\n`);
    const hash = hashUnitFile(file);
    files.set(hash, serializeUnitFile(file));
    const createRevision = cluster.units.get(name)?.createRevision ?? cluster.revision + 1;
    const modRevision = cluster.revision + 1;
    const origin = { by: 'test' };
    return {
      name,
      hash,
      desiredState: 'launched',
      restarts: 0,
      origin,
      createRevision,
      modRevision,
    };
  });
  const snapshot = { ...cluster.snapshot(), leader: null };
  return createExplainer().preview(snapshot, { units, files, destroyed });
}

/** unit → `machine verdict`, of machines that have or get it; else its reason. */
const places = ({ units }: Preview): Record<string, string[]> =>
  Object.fromEntries(
    units.map(({ unit, status, reason, machines }) => {
      const own = machines.filter(({ verdict }) => verdict === 'holds' || verdict === 'takes');
      const where = own.map(({ machine, verdict }) => `${machine} ${verdict}`);
      return [unit, status === 'placed' ? where : [`${status}: ${reason}`]];
    }),
  );

test('units that are not stored go where they would go, each counting those before it', () => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('a.service');
  cluster.rest();
  const said = preview(cluster, { 'b.service': '', 'c.service': '', 'd.service': '' });
  expect(places(said)).toEqual({
    'b.service': ['m2 takes'],
    'c.service': ['m1 takes'],
    'd.service': ['m2 takes'],
  });
  expect(said.others).toEqual([]);
  expect(cluster.plan().changes).toEqual([]);
});

test('what is placed stays, and conflicts among what is asked for count', () => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('a.service', 'Conflicts=b@*');
  cluster.rest();
  const conflict = 'Conflicts=b@*';
  expect(
    places(
      preview(cluster, { 'a.service': conflict, 'b@1.service': conflict, 'b@2.service': conflict }),
    ),
  ).toEqual({
    'a.service': ['m1 holds'],
    'b@1.service': ['m2 takes'],
    'b@2.service': ['pending: no machine can take it'],
  });
});

test('a unit that has to end where it is goes where it goes afterwards', () => {
  const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2', { az: 'b' });
  cluster.unit('a.service', 'MachineMetadata=az=a').rest();
  expect(places(preview(cluster, { 'a.service': 'MachineMetadata=az=b' }))).toEqual({
    'a.service': ['m2 takes'],
  });
});

test('one that has to end before it may be elsewhere as well', () => {
  const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2', { az: 'b' });
  cluster.unit('a.service', 'OnPartition=stop\nMachineMetadata=az=a').rest();
  const fleet = 'OnPartition=stop\nMachineMetadata=az=b';
  expect(places(preview(cluster, { 'a.service': fleet }))).toEqual({ 'a.service': ['m2 takes'] });
});

test('units that would have to leave are told', () => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('old.service').unit('x.service');
  cluster.rest();
  const said = preview(cluster, { 'new.service': 'Replaces=old.service' });
  expect(places(said)).toEqual({ 'new.service': ['m1 takes'] });
  expect(said.others).toEqual([
    {
      unit: 'old.service',
      leaves: ['m1'],
      takes: ['m2'],
      reason: 'replaced by new.service',
    },
  ]);
});

test('what is about to happen anyway is nobody’s fault', () => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('a.service');
  cluster.rest();
  cluster.lose('m1').unit('b.service');
  expect(preview(cluster, { 'c.service': '' }).others).toEqual([]);
});

test('a global unit goes to each machine that matches', () => {
  const cluster = new Cluster().machine('m1').machine('m2', { disk: 'ssd' }).machine('m3');
  expect(places(preview(cluster, { 'a.service': 'Global=true' }))).toEqual({
    'a.service': ['m1 takes', 'm2 takes', 'm3 takes'],
  });
});

test('places of units that are destroyed are free', () => {
  const cluster = new Cluster().machine('m1').unit('a@1.service', 'Conflicts=a@*');
  cluster.unit('b.service').rest();
  const said = preview(cluster, { 'a@2.service': 'Conflicts=a@*' }, ['a@1.service']);
  expect(places(said)).toEqual({ 'a@2.service': ['m1 takes'] });
  expect(said.others).toEqual([]);
});
