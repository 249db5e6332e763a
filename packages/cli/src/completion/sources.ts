import { eventTypes } from '@muster/api/client';
import type { AbsentMachineBody, MachineBody, UnitBody, UnitStateBody } from '@muster/api/client';
import { desiredStates, parseUnitName } from '@muster/core';
import type { Option } from 'commander';
import { isMeant } from '../find-machine.ts';
import type { Place } from './place.ts';

/** @see journalctl(1), --output */
const journalFormats = (
  'short short-full short-iso short-iso-precise short-precise short-monotonic short-delta ' +
  'short-unix verbose export json json-pretty json-sse json-seq cat with-unit'
).split(' ');

/** Load and active states, and the sub states that services have most. @see systemctl(1), --state=help */
const unitStates = (
  'loaded not-found bad-setting error masked active reloading inactive failed activating ' +
  'deactivating pending running exited dead auto-restart start-pre stop-sigterm waiting listening elapsed'
).split(' ');

export interface Candidate {
  readonly value: string;
  /** A few words about it; '' for none. */
  readonly about: string;
}

/** What completion asks of the API; every list is asked for once. */
export interface Cluster {
  readonly units: () => Promise<readonly UnitBody[]>;
  readonly states: () => Promise<readonly UnitStateBody[]>;
  readonly machines: () => Promise<readonly MachineBody[]>;
  readonly absent: () => Promise<readonly AbsentMachineBody[]>;
}

/** Where candidates come from; a word: files, which shells find themselves. */
export type Source =
  | 'file'
  | 'unit file'
  | ((cluster: Cluster, place: Pick<Place, 'operands' | 'typed'>) => Promise<readonly Candidate[]>);

/**
 * Values of options that are no choice, by the option's long form, where it differs after the verb.
 * What is not here is free text.
 */
const valueSources: Readonly<Record<string, Source>> = {
  '--machine': machines,
  '--unit': units(isPlaced),
  '--metadata': metadataPairs,
  '--type': words(eventTypes),
  'journal --output': words(journalFormats),
  'list-machines --state': words(['present', 'away', 'absent']),
  'list-unit-files --state': words(desiredStates),
  'list-units --state': words(unitStates),
  '--ca-file': 'file',
  '--cert-file': 'file',
  '--key-file': 'file',
  '--known-hosts-file': 'file',
  '--etcd-cafile': 'file',
  '--etcd-certfile': 'file',
  '--etcd-keyfile': 'file',
};

/** @returns undefined: free text */
export function valueSourceOf(verb: string, { long = '' }: Option): Source | undefined {
  return valueSources[`${verb} ${long}`] ?? valueSources[long];
}

/** Operands by verb, in their order; the last entry holds for all that follow. */
export const operandSources: Readonly<Record<string, readonly (readonly Source[])[]>> = {
  submit: [['unit file']],
  load: [['unit file', instances, units(isIdle)]],
  start: [['unit file', instances, stoppedUnits]],
  stop: [[units(({ desiredState }) => desiredState === 'launched')]],
  unload: [[units(({ desiredState }) => desiredState !== 'inactive')]],
  restart: [[units(({ desiredState }) => desiredState === 'launched')]],
  scale: [['unit file', templates], []],
  destroy: [[units(() => true)]],
  cat: [[units(() => true)]],
  status: [[units(isPlaced)]],
  explain: [[units(() => true)]],
  journal: [[units(isPlaced)]],
  events: [[units(() => true)]],
  'list-units': [[units(isPlaced)]],
  'list-unit-files': [[units(() => true)]],
  'machine forget': [[absentMachines(() => true)]],
  'brake release': [[absentMachines(({ isHeldBack }) => isHeldBack)]],
  'cluster set': [
    [words(['placement=spread', 'placement=pack', 'rebalance=manual', 'rebalance=auto'])],
  ],
  'metadata set': [[machines], [metadataKeys('=')]],
  'metadata remove': [[machines], [metadataKeys('')]],
  ssh: [[machines, units(isPlaced)]],
  'fd-forward': [['file']],
  verify: [['unit file']],
};

function units(isWanted: (unit: UnitBody) => boolean): Source {
  return async (cluster) => (await cluster.units()).filter(isWanted).map(unitCandidate);
}

/** A template cannot be loaded; its instances can. */
function isIdle({ name, desiredState }: UnitBody): boolean {
  return desiredState === 'inactive' && !parseUnitName(name).isTemplate;
}

function isPlaced({ machines: places }: UnitBody): boolean {
  return places.length > 0;
}

/** Units that a start does something for: also launched ones that are down somewhere. */
async function stoppedUnits(cluster: Cluster): Promise<readonly Candidate[]> {
  const [all, states] = await Promise.all([cluster.units(), cluster.states()]);
  const down = new Set(
    states
      .filter(({ activeState }) => /^(?:inactive|failed)$/.test(activeState))
      .map(({ unit }) => unit),
  );
  const isStopped = (unit: UnitBody): boolean =>
    isIdle(unit) || unit.desiredState === 'loaded' || down.has(unit.name);
  return all.filter(isStopped).map(unitCandidate);
}

async function templates(cluster: Cluster): Promise<readonly Candidate[]> {
  return (await cluster.units())
    .filter(({ name }) => parseUnitName(name).isTemplate)
    .map(unitCandidate);
}

/** The beginnings of instances of the templates that the cluster has. */
async function instances(cluster: Cluster): Promise<readonly Candidate[]> {
  const templates = (await cluster.units()).filter(({ name }) => parseUnitName(name).isTemplate);
  return templates.map(({ name }) => ({
    value: name.slice(0, name.indexOf('@') + 1),
    about: 'template',
  }));
}

function unitCandidate({ name, desiredState, isGlobal }: UnitBody): Candidate {
  if (parseUnitName(name).isTemplate) return { value: name, about: 'template' };
  return { value: name, about: isGlobal ? `${desiredState}, global` : desiredState };
}

/** By host names; by addresses and ids where a word begins like one, or names are not unique. */
async function machines(
  cluster: Cluster,
  { typed }: Pick<Place, 'typed'>,
): Promise<readonly Candidate[]> {
  const all = await cluster.machines();
  return all.flatMap(({ id, hostname, address }) => {
    const isUnique = all.filter((other) => other.hostname === hostname).length === 1;
    const about = [hostname, ...(address === null ? [] : [address])].join(', ');
    return [
      ...(isUnique ? [{ value: hostname, about: address ?? `${id.slice(0, 8)}...` }] : []),
      ...(address === null || typed === '' ? [] : [{ value: address, about: hostname }]),
      ...(isUnique && typed === '' ? [] : [{ value: id, about }]),
    ];
  });
}

function absentMachines(isWanted: (machine: AbsentMachineBody) => boolean): Source {
  return async (cluster) =>
    (await cluster.absent()).filter(isWanted).map(({ id, units }) => {
      return { value: id, about: `absent, ${units} ${units === 1 ? 'unit' : 'units'}` };
    });
}

function metadataKeys(ending: string): Source {
  return async (cluster, { operands: [named = ''] }) => {
    const machine = (await cluster.machines()).find((each) => isMeant(each, named));
    const metadata = Object.entries(machine?.metadata ?? {});
    return metadata
      .map(([key, value]) => ({ value: `${key}${ending}`, about: value }))
      .sort((a, b) => (a.value < b.value ? -1 : 1));
  };
}

/** What machines have, as `key=value`. */
async function metadataPairs(cluster: Cluster): Promise<readonly Candidate[]> {
  const all = (await cluster.machines()).flatMap(({ metadata }) => Object.entries(metadata));
  const pairs = new Set(all.map(([key, value]) => `${key}=${value}`));
  return [...pairs].sort().map((value) => ({ value, about: '' }));
}

function words(values: readonly string[]): Source {
  return async () => values.map((value) => ({ value, about: '' }));
}
