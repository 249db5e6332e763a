import { desiredStates, exitCodes, packings, roles } from '@muster/core';
import type {
  Assignment,
  AuditEntry,
  Brake,
  Capacity,
  Leader,
  Loss,
  Machine,
  MachineSettings,
  Origin,
  Placement,
  Policy,
  Revision,
  StateReport,
  Unit,
  UnitState,
  UnitWrite,
} from '@muster/core';
import { parseRecord } from './fields.ts';
import type { Fields, Parsed } from './fields.ts';
import type { StoredKey } from './store.ts';

/** What key and etcd say of a record already is not stored in its value a second time. */

/** `cluster`. `createRevision` fences writes against a store that was swapped meanwhile. */
export interface ClusterRecord {
  readonly id: string;
  readonly format: number;
  readonly createRevision: Revision;
}

/** The presence record with what only this package needs of it. */
export interface PresenceRecord {
  readonly machine: Machine;
  /** Which run of musterd wrote it. */
  readonly token: string;
}

const hash = /^[0-9a-f]{40}$/;
const hashWords = 'a SHA-1 in hex';
const assignedStates = ['loaded', 'launched'] as const;

export function encodeCluster(id: string, format: number): string {
  return JSON.stringify({ id, format });
}

export function parseCluster(stored: StoredKey): Parsed<ClusterRecord> {
  return parseRecord(stored.value, (f) => ({
    id: f.matching('id', /./, 'an id'),
    format: f.count('format'),
    createRevision: stored.createRevision,
  }));
}

/** @param nonce — random, so that a write whose answer was lost can be recognised as one's own */
export function encodeUnit(set: NonNullable<UnitWrite['set']>, nonce: string): string {
  const { desiredState, restarts, perMachine, origin } = set;
  return JSON.stringify({ hash: set.hash, desiredState, restarts, perMachine, origin, nonce });
}

export function parseUnit(name: string, stored: StoredKey): Parsed<Unit> {
  return parseRecord(stored.value, (f) => ({
    name,
    hash: f.matching('hash', hash, hashWords),
    desiredState: f.oneOf('desiredState', desiredStates),
    restarts: f.count('restarts'),
    ...readPerMachine(f.optionalObjects('perMachine')),
    origin: readOrigin(f.object('origin')),
    createRevision: stored.createRevision,
    modRevision: stored.modRevision,
  }));
}

function readPerMachine(counts: ReadonlyMap<string, Fields> | undefined): Pick<Unit, 'perMachine'> {
  if (counts === undefined) return {};
  const read = [...counts].map(([machine, f]) => {
    return [machine, { restarts: f.count('restarts'), starts: f.count('starts') }];
  });
  return { perMachine: Object.fromEntries(read) };
}

export function readOrigin(f: Fields): Origin {
  const commit = f.optionalText('commit');
  return { by: f.text('by'), ...(commit === undefined ? {} : { commit }), ...timeOf(f) };
}

function timeOf(f: Fields): { at?: number } {
  const at = f.optionalCount('at');
  return at === undefined ? {} : { at };
}

export function encodeAudit(entries: readonly AuditEntry[]): string {
  const destroyed = entries.flatMap((entry) =>
    entry.type === 'destroyed' ? [{ unit: entry.unit, ...entry.origin }] : [],
  );
  const withdrawn = entries.flatMap((entry) => {
    if (entry.type !== 'withdrawn') return [];
    const { unit, machine, reason, at, fence } = entry;
    return [{ unit, machine, reason, at, fence }];
  });
  return JSON.stringify({ destroyed, withdrawn });
}

export function parseAudit(stored: StoredKey): Parsed<readonly AuditEntry[]> {
  return parseRecord(stored.value, (f) => [
    ...f.objects('destroyed').map((entry): AuditEntry => {
      return { type: 'destroyed', unit: entry.text('unit'), origin: readOrigin(entry) };
    }),
    ...f.objects('withdrawn').map((entry): AuditEntry => {
      const fence = entry.optionalCount('fence');
      return {
        type: 'withdrawn',
        unit: entry.text('unit'),
        machine: entry.text('machine'),
        reason: entry.text('reason'),
        at: entry.count('at'),
        ...(fence === undefined ? {} : { fence }),
      };
    }),
  ]);
}

export function encodeAssignment(a: Omit<Assignment, 'modRevision'>, nonce: string): string {
  const { desiredState, restarts, starts, incarnation, role, onPartition, isLeaving } = a;
  return JSON.stringify({
    hash: a.hash,
    desiredState,
    restarts,
    starts,
    incarnation,
    role,
    onPartition,
    isLeaving,
    reason: a.reason,
    at: a.at,
    nonce,
  });
}

export function parseAssignment(
  at: { readonly machine: string; readonly unit: string },
  stored: StoredKey,
): Parsed<Assignment> {
  return parseRecord(stored.value, (f) => {
    const starts = f.optionalCount('starts');
    return {
      unit: at.unit,
      machine: at.machine,
      hash: f.matching('hash', hash, hashWords),
      desiredState: f.oneOf('desiredState', assignedStates),
      restarts: f.count('restarts'),
      ...(starts === undefined ? {} : { starts }),
      incarnation: f.count('incarnation'),
      role: f.oneOf('role', roles),
      // Of other words of a later version nothing is known here.
      ...(f.optionalText('onPartition') === 'stop' ? { onPartition: 'stop' } : {}),
      ...(f.isMarked('isLeaving') ? { isLeaving: true } : {}),
      reason: f.text('reason'),
      ...timeOf(f),
      createRevision: stored.createRevision,
      modRevision: stored.modRevision,
    };
  });
}

export function encodePlacement(p: Omit<Placement, 'modRevision'>, nonce: string): string {
  return JSON.stringify({ machines: p.machines, failures: p.failures, nonce });
}

export function parsePlacement(unit: string, stored: StoredKey): Parsed<Placement> {
  return parseRecord(stored.value, (f) => ({
    unit,
    machines: f
      .objects('machines')
      .map((m) => ({ machine: m.text('machine'), role: m.oneOf('role', roles) })),
    ...readFailures(f.optionalObject('failures')),
    modRevision: stored.modRevision,
  }));
}

function readFailures(f: Fields | undefined): Pick<Placement, 'failures'> {
  if (f === undefined) return {};
  const failures = {
    attempts: f.count('attempts'),
    machines: f.listOfTexts('machines'),
    unitRevision: f.count('unitRevision'),
  };
  return { failures };
}

export function encodePresence(m: Omit<Machine, 'modRevision'>, token: string): string {
  const { bootId, hostname, address, apiUrl, metadata, capacity, version, awaySince, at } = m;
  return JSON.stringify({
    bootId,
    hostname,
    address,
    apiUrl,
    metadata,
    capacity,
    version,
    awaySince,
    at,
    token,
  });
}

export function parsePresence(id: string, stored: StoredKey): Parsed<PresenceRecord> {
  return parseRecord(stored.value, (f) => {
    const machine = {
      id,
      bootId: f.text('bootId'),
      hostname: f.text('hostname'),
      address: f.textOrNull('address'),
      apiUrl: f.textOrNull('apiUrl'),
      metadata: f.texts('metadata'),
      capacity: parseCapacity(f.object('capacity')),
      version: f.text('version'),
      awaySince: f.countOrNull('awaySince'),
      ...timeOf(f),
      modRevision: stored.modRevision,
    };
    return { machine, token: f.text('token') };
  });
}

function parseCapacity(f: Fields): Capacity {
  const disk = f.optionalCount('diskBytes');
  const tasks = f.optionalCount('tasks');
  const cpuList = f.optionalText('cpuList');
  const reserved = f.optionalObject('reserved');
  return {
    cpus: f.amount('cpus'),
    memoryBytes: f.amount('memoryBytes'),
    ...(disk === undefined ? {} : { diskBytes: disk }),
    ...(tasks === undefined ? {} : { tasks }),
    ...(cpuList === undefined ? {} : { cpuList }),
    ...(reserved === undefined
      ? {}
      : {
          reserved: {
            cpus: reserved.amount('cpus'),
            memoryBytes: reserved.amount('memoryBytes'),
            diskBytes: reserved.amount('diskBytes'),
          },
        }),
  };
}

export function encodeSettings(
  settings: Omit<MachineSettings, 'modRevision'>,
  nonce: string,
): string {
  const { metadata, origin } = settings;
  return JSON.stringify({ metadata, origin, nonce });
}

export function parseSettings(machine: string, stored: StoredKey): Parsed<MachineSettings> {
  return parseRecord(stored.value, (f) => {
    const origin = f.optionalObject('origin');
    return {
      machine,
      metadata: f.textsOrNulls('metadata'),
      ...(origin === undefined ? {} : { origin: readOrigin(origin) }),
      modRevision: stored.modRevision,
    };
  });
}

export function encodeBrake(
  { isOn, machines, reason, at }: Omit<Brake, 'modRevision'>,
  nonce: string,
): string {
  return JSON.stringify({ isOn, machines, reason, at, nonce });
}

export function parseBrake(stored: StoredKey): Parsed<Brake> {
  return parseRecord(stored.value, (f) => ({
    isOn: f.flag('isOn'),
    machines: f.listOfTexts('machines'),
    reason: f.text('reason'),
    at: f.count('at'),
    modRevision: stored.modRevision,
  }));
}

export function encodePolicy(
  { placement, rebalance, origin }: Omit<Policy, 'modRevision'>,
  nonce: string,
): string {
  return JSON.stringify({ placement, rebalance, origin, nonce });
}

export function parsePolicy(stored: StoredKey): Parsed<Policy> {
  return parseRecord(stored.value, (f) => ({
    placement: f.oneOf('placement', packings),
    // Of other words of a later version nothing is known here.
    ...(f.optionalText('rebalance') === 'auto' ? { rebalance: 'auto' } : {}),
    origin: readOrigin(f.object('origin')),
    modRevision: stored.modRevision,
  }));
}

export function encodeLoss(
  { isForgotten, origin }: Omit<Loss, 'modRevision'>,
  nonce: string,
): string {
  return JSON.stringify({ isForgotten, origin, nonce });
}

export function parseLoss(machine: string, stored: StoredKey): Parsed<Loss> {
  return parseRecord(stored.value, (f) => ({
    machine,
    isForgotten: f.flag('isForgotten'),
    origin: readOrigin(f.object('origin')),
    modRevision: stored.modRevision,
  }));
}

export function encodeState(s: StateReport): string {
  const { loadState, activeState, subState, result, problem, since } = s;
  const { bootId, invocationId, answers } = s;
  return JSON.stringify({
    loadState,
    activeState,
    subState,
    result,
    exit: s.exit,
    flapping: s.flapping,
    problem,
    since,
    bootId,
    invocationId,
    hash: s.hash,
    answers,
  });
}

export function parseState(
  at: { readonly machine: string; readonly unit: string },
  stored: StoredKey,
): Parsed<UnitState> {
  return parseRecord(stored.value, (f) => ({
    unit: at.unit,
    machine: at.machine,
    loadState: f.text('loadState'),
    activeState: f.text('activeState'),
    subState: f.text('subState'),
    result: f.textOrNull('result'),
    ...readExit(f.optionalObject('exit')),
    ...readFlapping(f.optionalCount('flapping')),
    problem: f.textOrNull('problem'),
    since: f.amount('since'),
    bootId: f.text('bootId'),
    invocationId: f.textOrNull('invocationId'),
    hash: f.text('hash'),
    answers: f.count('answers'),
    modRevision: stored.modRevision,
  }));
}

function readExit(f: Fields | undefined): Pick<UnitState, 'exit'> {
  if (f === undefined) return {};
  return { exit: { code: f.oneOf('code', exitCodes), status: f.count('status') } };
}

function readFlapping(flapping: number | undefined): Pick<UnitState, 'flapping'> {
  return flapping === undefined ? {} : { flapping };
}

export function encodeLeader(
  { machine, apiUrl, at }: Omit<Leader, 'createRevision'>,
  nonce: string,
): string {
  return JSON.stringify({ machine, apiUrl, at, nonce });
}

export function parseLeader(stored: StoredKey): Parsed<Leader> {
  return parseRecord(stored.value, (f) => ({
    machine: f.text('machine'),
    apiUrl: f.textOrNull('apiUrl'),
    ...timeOf(f),
    createRevision: stored.createRevision,
  }));
}
