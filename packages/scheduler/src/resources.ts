import {
  amountOn,
  describePort,
  doPortsClash,
  formatBytes,
  offerOf,
  parseCpuNumbers,
  resourceKinds,
  totalOf,
} from '@muster/core';
import type {
  Amounts,
  Capacity,
  Need,
  PortClaim,
  Requirements,
  ResourceKind,
  Resources,
} from '@muster/core';

/** A unit as far as it takes something of its machine. */
export interface Taker {
  readonly name: string;
  readonly requirements: Pick<Requirements, 'resources'>;
}

/**
 * Why a unit takes something of a machine. It takes as much as the reason that asks for most, and
 * the ports of all of them.
 * - `placed`: it has, or is promised, a place there.
 * - `lingering`: it has none (any more), and has still to end there.
 * - `assigned`: its assignment there is of other content than it has now.
 * - `running`: the machine says that it runs there with other content than it has now.
 */
type Reason = 'placed' | 'lingering' | 'assigned' | 'running';

/** What a machine has for units, and who was promised what of it. Changes while a plan is made. */
export interface Ledger {
  /** Of what a percentage is one. Infinity: nobody knows. */
  readonly total: Amounts;
  /** What units may have together. Infinity: there is no limit. */
  readonly offer: Amounts;
  /** null: nobody knows; then all are there. */
  readonly cpus: { readonly numbers: ReadonlySet<number>; readonly list: string } | null;
  readonly promised: Record<ResourceKind, number>;
  /** Units that take something here. */
  readonly takings: Map<string, Taking>;
  /** `tcp/80` → who listens there, on whatever address */
  readonly listeners: Map<string, Set<Taking>>;
  /** How often a unit came to take less, or nothing any more. */
  timesFreed: number;
}

/** Of one unit. */
interface Taking {
  readonly unit: string;
  readonly reasons: ReadonlyMap<Reason, Resources>;
  readonly amounts: Amounts;
}

const none: Amounts = { memory: 0, cpu: 0, disk: 0, tasks: 0 };

export function openLedger(capacity: Capacity): Ledger {
  const { cpuList } = capacity;
  const numbers = cpuList === undefined ? null : parseCpuNumbers(cpuList);
  return {
    total: totalOf(capacity),
    offer: offerOf(capacity),
    cpus: numbers === null ? null : { numbers: new Set(numbers), list: cpuList ?? '' },
    promised: { ...none },
    takings: new Map(),
    listeners: new Map(),
    timesFreed: 0,
  };
}

/** Notes what a unit takes here for a reason, instead of what was noted for it before. */
export function book(
  ledger: Ledger,
  reason: Reason,
  { name, requirements: { resources } }: Taker,
): void {
  const before = ledger.takings.get(name);
  if (resources === (before?.reasons.get(reason) ?? null)) return;
  const reasons = new Map(before?.reasons);
  if (resources === null) reasons.delete(reason);
  else reasons.set(reason, resources);
  if (before !== undefined) release(ledger, before);
  if (reasons.size > 0) take(ledger, { unit: name, reasons, amounts: most(ledger, reasons) });
}

/** It takes nothing here for this reason any more. */
export function unbook(ledger: Ledger, reason: Reason, name: string): void {
  book(ledger, reason, { name, requirements: { resources: null } });
}

function most(ledger: Ledger, reasons: Taking['reasons']): Amounts {
  const amounts = { ...none };
  for (const { needs } of reasons.values()) {
    for (const need of needs) {
      amounts[need.kind] = Math.max(amounts[need.kind], amountOn(ledger.total, need));
    }
  }
  return amounts;
}

function take(ledger: Ledger, taking: Taking): void {
  ledger.takings.set(taking.unit, taking);
  for (const kind of resourceKinds) ledger.promised[kind] += taking.amounts[kind];
  for (const key of listenerKeys(taking)) {
    const there = ledger.listeners.get(key);
    if (there === undefined) ledger.listeners.set(key, new Set([taking]));
    else there.add(taking);
  }
}

function release(ledger: Ledger, taking: Taking): void {
  ledger.takings.delete(taking.unit);
  ledger.timesFreed += 1;
  for (const kind of resourceKinds) ledger.promised[kind] -= taking.amounts[kind];
  for (const key of listenerKeys(taking)) {
    const there = ledger.listeners.get(key);
    there?.delete(taking);
    if (there?.size === 0) ledger.listeners.delete(key);
  }
}

function listenerKeys({ reasons }: Taking): string[] {
  return [...reasons.values()].flatMap(({ ports }) => ports.map(listenerKey));
}

function listenerKey({ protocol, port }: PortClaim): string {
  return `${protocol}/${port}`;
}

const nobody: ReadonlySet<string> = new Set();

/**
 * What the machine has not (enough) of for a unit; null: nothing is missing.
 * @param without - units that are gone before it comes
 */
export function shortage(
  ledger: Ledger,
  { name, requirements: { resources } }: Taker,
  without: ReadonlySet<string> = nobody,
): string | null {
  if (resources === null) return null;
  for (const need of resources.needs) {
    const wanted = amountOn(ledger.total, need);
    const free = freeFor(ledger, need.kind, name, without);
    if (wanted > free) return tooMuch(ledger, { need, wanted, free });
  }
  return missingCpu(ledger, resources);
}

function freeFor(
  { offer, promised, takings }: Ledger,
  kind: ResourceKind,
  name: string,
  without: ReadonlySet<string>,
): number {
  let free = offer[kind] - promised[kind] + (takings.get(name)?.amounts[kind] ?? 0);
  for (const other of without) {
    if (other !== name) free += takings.get(other)?.amounts[kind] ?? 0;
  }
  return free;
}

/**
 * Whether there is too little for any unit that takes this and takes nothing there yet, whichever it
 * is; it stays so until something is freed. false: ask `shortage` and `portTaken`.
 */
export function hasTooLittle(ledger: Ledger, resources: Resources): boolean {
  const { total, offer, promised } = ledger;
  for (const need of resources.needs) {
    if (amountOn(total, need) > offer[need.kind] - promised[need.kind]) return true;
  }
  if (firstMissingCpu(ledger, resources) !== undefined) return true;
  return resources.ports.some((claim) => isHeld(ledger, claim, resources.starts));
}

/** Whether somebody has a port who shares it with nobody but its own like. */
function isHeld({ listeners }: Ledger, claim: PortClaim, starts: string | null): boolean {
  for (const { unit, reasons } of listeners.get(listenerKey(claim)) ?? []) {
    if (unit === starts) continue;
    for (const { ports, starts: theirs } of reasons.values()) {
      if (theirs === null && ports.some((port) => doPortsClash(claim, port))) return true;
    }
  }
  return false;
}

function tooMuch(
  { offer }: Ledger,
  { need, wanted, free }: { need: Need; wanted: number; free: number },
): string {
  const { kind, option } = need;
  const show = (amount: number, round: 'up' | 'down'): string => {
    if (kind === 'cpu') return String(amount / 1000);
    return kind === 'tasks' ? String(amount) : formatBytes(amount, round);
  };
  const all = show(offer[kind], 'down');
  const has = wanted > offer[kind] ? all : `${show(Math.max(0, free), 'down')} of ${all} left`;
  const what = { memory: 'of memory', cpu: 'CPUs', disk: 'of disk', tasks: 'tasks' }[kind];
  return `${option} wants ${show(wanted, 'up')} ${what}, the machine has ${has}`;
}

function missingCpu(ledger: Ledger, resources: Resources): string | null {
  const missing = firstMissingCpu(ledger, resources);
  if (missing === undefined) return null;
  const option = resources.allowedCpus?.option ?? '';
  return `${option} wants CPU ${missing}, the machine has ${ledger.cpus?.list ?? ''}`;
}

function firstMissingCpu({ cpus }: Ledger, { allowedCpus }: Resources): number | undefined {
  if (cpus === null || allowedCpus === null) return undefined;
  return allowedCpus.numbers.find((cpu) => !cpus.numbers.has(cpu));
}

/**
 * Who has a port that the unit needs; null: nobody.
 * @param without - units that are gone before it comes
 * @param counts - whether another unit, which has that port for some reason, is in its way
 */
export function portTaken(
  ledger: Ledger,
  { name, requirements: { resources } }: Taker,
  {
    without = nobody,
    counts = () => true,
  }: {
    readonly without?: ReadonlySet<string>;
    readonly counts?: (other: string, claim: PortClaim) => boolean;
  } = {},
): { readonly by: string; readonly claim: PortClaim } | null {
  if (resources === null) return null;
  for (const claim of resources.ports) {
    // The first by name, so that of several always the same is named.
    let by: string | null = null;
    for (const their of ledger.listeners.get(listenerKey(claim)) ?? []) {
      const other = their.unit;
      if (other === name || without.has(other) || !counts(other, claim)) continue;
      if (by !== null && by < other) continue;
      for (const theirs of their.reasons.values()) {
        if (resources.starts === other || theirs.starts === name) continue;
        if (hasPort(theirs, claim)) by = other;
      }
    }
    if (by !== null) return { by, claim };
  }
  return null;
}

/** Whether a port of a unit is one that another one cannot share with it. */
export function hasPort(resources: Resources | null, claim: PortClaim): boolean {
  return resources?.ports.some((port) => doPortsClash(claim, port)) === true;
}

/** Who listens on a port that the unit has too, for whatever reason and on whatever address; itself as well. */
export function portRivals({ takings, listeners }: Ledger, name: string): string[] {
  const taking = takings.get(name);
  if (taking === undefined) return [];
  const there = listenerKeys(taking).flatMap((key) => [...(listeners.get(key) ?? [])]);
  return there.map(({ unit }) => unit);
}

/** Why a unit cannot share its ports with who is there. */
export function portPhrase(claim: PortClaim, by: string, isEnding: boolean): string {
  return `${claim.option} wants ${describePort(claim)}, ${by} has it${isEnding ? ' still' : ''}`;
}
