import { formatBytes, offerOf } from '@muster/core';
import type { Machine, RecordChange } from '@muster/core';
import type { EventContent, MachineFacts } from './event.ts';
import { shortId, transition } from './transition.ts';

type Change<T extends RecordChange['type']> = Extract<RecordChange, { readonly type: T }>;

/** null: it only registered anew, or says the same as before. */
export function machineEvent(change: Change<'machine'>): EventContent | null {
  const { machine, before, after } = change;
  const details = transition(change, machineFacts);
  const common = { unit: null, machine, by: null, reason: null, details };
  if (after === null) {
    const wasAway = before?.awaySince != null;
    const reason = wasAway ? 'its musterd was away for too long' : 'its lease ended';
    const text = `machine ${shownMachine(machine, before)} is gone: ${reason}`;
    return { ...common, type: 'machine-left', time: null, reason, text };
  }
  const name = shownMachine(machine, after);
  const time = after.at ?? null;
  if (before === null) {
    return { ...common, type: 'machine-joined', time, text: `machine ${name} joined` };
  }
  const isAway = after.awaySince !== null;
  if (isAway && before.awaySince === null) {
    const text = `musterd on machine ${name} was stopped in order, its units run on`;
    return { ...common, type: 'machine-away', time: after.awaySince, text };
  }
  const what = changedFacts(before, after);
  if (!isAway && before.awaySince !== null) {
    const text = [`musterd on machine ${name} is back`, ...what].join(', ');
    return { ...common, type: 'machine-back', time, text };
  }
  if (what.length === 0) return null;
  return { ...common, type: 'machine-changed', time, text: `machine ${name}: ${what.join(', ')}` };
}

function machineFacts(machine: Machine): MachineFacts {
  const { hostname, address, apiUrl, metadata, capacity, version, bootId, awaySince } = machine;
  return { hostname, address, apiUrl, metadata, capacity, version, bootId, awaySince };
}

function shownMachine(id: string, machine: Machine | null): string {
  if (machine === null) return shortId(id);
  const { hostname, address } = machine;
  return `${shortId(id)} (${address === null ? hostname : `${hostname}, ${address}`})`;
}

function changedFacts(before: Machine, after: Machine): string[] {
  const was = (name: string, now: string | null, then: string | null): string[] =>
    now === then ? [] : [`${name} ${now ?? 'none'} (was ${then ?? 'none'})`];
  return [
    ...(before.bootId === after.bootId ? [] : ['it has booted anew']),
    ...was('host name', after.hostname, before.hostname),
    ...was('address', after.address, before.address),
    ...was('API', after.apiUrl, before.apiUrl),
    ...was('version', after.version, before.version),
    ...was('CPUs', String(after.capacity.cpus), String(before.capacity.cpus)),
    ...was('memory', shownMemory(after), shownMemory(before)),
    ...was('for units', shownOffer(after), shownOffer(before)),
    ...metadataPhrases(before.metadata, after.metadata),
  ];
}

function shownMemory({ capacity }: Machine): string {
  return `${Math.round(capacity.memoryBytes / 1024 ** 2)} MiB`;
}

/** Without what the machine keeps for itself; null: an older musterd that keeps nothing. */
function shownOffer({ capacity }: Machine): string | null {
  if (capacity.reserved === undefined) return null;
  const { memory, cpu, disk, tasks } = offerOf(capacity);
  const diskText = disk === Infinity ? '' : `, ${formatBytes(disk)} of disk`;
  const tasksText = tasks === Infinity ? '' : `, ${tasks} tasks`;
  return `${cpu / 1000} CPUs, ${formatBytes(memory)} of memory${diskText}${tasksText}`;
}

type Metadata = Readonly<Record<string, string | null>>;

/** null: it was written again as it was. */
export function settingsEvent(change: Change<'settings'>): EventContent | null {
  const { machine, before, after } = change;
  const phrases = metadataPhrases(before?.metadata ?? {}, after?.metadata ?? {});
  if (phrases.length === 0) return null;
  const { by = null, at: time = null } = after?.origin ?? {};
  const whose = by === null ? '' : `, by ${by}`;
  return {
    type: 'metadata-changed',
    time,
    unit: null,
    machine,
    by,
    reason: null,
    text: `metadata of machine ${shortId(machine)}: ${phrases.join(', ')}${whose}`,
    details: transition(change, ({ metadata }) => metadata),
  };
}

/** A key that was there and is not any more is as the machine itself has it. */
function metadataPhrases(before: Metadata, after: Metadata): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const then = before[key];
    const now = after[key];
    if (now === then) return [];
    if (now === undefined) return [`${key} no longer set`];
    if (now === null) return [`${key} removed`];
    return [then == null ? `${key}=${now}` : `${key}=${now} (was ${then})`];
  });
}

/** A leader is elected by making the record and lost by its end; it never changes in between. */
export function leaderEvent({ before, after }: Change<'leader'>): EventContent | null {
  const leader = after ?? before;
  if (leader === null || (before !== null && after !== null)) return null;
  const { machine, apiUrl } = leader;
  const isElected = after !== null;
  return {
    type: isElected ? 'leader-elected' : 'leader-lost',
    time: isElected ? (leader.at ?? null) : null,
    unit: null,
    machine,
    by: null,
    reason: null,
    text: `machine ${shortId(machine)} ${isElected ? 'leads' : 'no longer leads'}`,
    details: { apiUrl },
  };
}
