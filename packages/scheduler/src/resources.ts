import {
  describePort,
  doPortsClash,
  formatBytes,
  parseCpuNumbers,
  resourceKinds,
} from '@muster/core';
import type {
  Capacity,
  Need,
  PortClaim,
  Requirements,
  ResourceKind,
  Resources,
} from '@muster/core';

/** Bytes, thousandths of CPUs, bytes, tasks: whole numbers, so that adding and taking away is exact. */
type Amounts = Readonly<Record<ResourceKind, number>>;

/** A unit as far as it takes something of its machine. */
export interface Taker {
  readonly name: string;
  readonly requirements: Pick<Requirements, 'resources'>;
}

/** What a machine has for units, and who was promised what of it. Changes while a plan is made. */
export interface Ledger {
  /** Of what a percentage is one. Infinity: nobody knows. */
  readonly total: Amounts;
  /** What units may have together. Infinity: there is no limit. */
  readonly offer: Amounts;
  /** null: nobody knows; then all are there. */
  readonly cpus: { readonly numbers: ReadonlySet<number>; readonly list: string } | null;
  readonly promised: Record<ResourceKind, number>;
  /** unit → what it takes; only units that take something */
  readonly takers: Map<string, Taking>;
  /** unit → what it takes by the content it was started with, where that is not its content any more */
  readonly asTheyRun: Map<string, Taking>;
  /** `tcp/80` → who listens there, on whatever address */
  readonly listeners: Map<string, Set<Taking>>;
}

interface Taking {
  readonly unit: string;
  readonly amounts: Amounts;
  readonly resources: Resources;
}

const none: Amounts = { memory: 0, cpu: 0, disk: 0, tasks: 0 };

export function openLedger(capacity: Capacity): Ledger {
  const { cpus, memoryBytes, diskBytes, tasks, cpuList, reserved } = capacity;
  const total: Amounts = {
    memory: memoryBytes,
    cpu: Math.floor(cpus * 1000),
    disk: diskBytes ?? Infinity,
    tasks: tasks ?? Infinity,
  };
  const left = (all: number, kept: number | undefined): number => Math.max(0, all - (kept ?? 0));
  const numbers = cpuList === undefined ? null : parseCpuNumbers(cpuList);
  return {
    total,
    offer: {
      memory: left(total.memory, reserved?.memoryBytes),
      cpu: left(total.cpu, reserved && Math.ceil(reserved.cpus * 1000)),
      disk: left(total.disk, reserved?.diskBytes),
      tasks: total.tasks,
    },
    cpus: numbers === null ? null : { numbers: new Set(numbers), list: cpuList ?? '' },
    promised: { ...none },
    takers: new Map(),
    asTheyRun: new Map(),
    listeners: new Map(),
  };
}

/** What a need is on this machine; 0 where there is no limit. */
export function amountOn({ total, offer }: Pick<Ledger, 'total' | 'offer'>, need: Need): number {
  if (offer[need.kind] === Infinity) return 0;
  const { amount } = need;
  if (amount.type === 'count') return amount.count;
  return Math.floor((total[need.kind] * amount.permyriad) / 10_000);
}

/** Notes what a unit takes here; what it took before is forgotten. */
export function book(ledger: Ledger, { name, requirements: { resources } }: Taker): void {
  release(ledger, ledger.takers, name);
  if (resources === null) return;
  const amounts = { ...none };
  for (const need of resources.needs) amounts[need.kind] = amountOn(ledger, need);
  take(ledger, ledger.takers, { unit: name, amounts, resources });
}

/**
 * Notes that a unit is still here with other content than it has: it takes what either says, until
 * it runs with its content. To be told after `book`.
 */
export function bookAsItRuns(ledger: Ledger, { name, requirements: { resources } }: Taker): void {
  if (resources === null) return;
  const booked = ledger.takers.get(name)?.amounts ?? none;
  const before = ledger.asTheyRun.get(name);
  const amounts = { ...none, ...before?.amounts };
  for (const need of resources.needs) {
    const more = amountOn(ledger, need) - booked[need.kind];
    amounts[need.kind] = Math.max(amounts[need.kind], more);
  }
  const ports = [...(before?.resources.ports ?? []), ...resources.ports];
  release(ledger, ledger.asTheyRun, name);
  take(ledger, ledger.asTheyRun, { unit: name, amounts, resources: { ...resources, ports } });
}

/** It takes nothing here any more, but for what it still runs with. */
export function unbook(ledger: Ledger, name: string): void {
  release(ledger, ledger.takers, name);
}

function take(ledger: Ledger, among: Map<string, Taking>, taking: Taking): void {
  among.set(taking.unit, taking);
  for (const kind of resourceKinds) ledger.promised[kind] += taking.amounts[kind];
  for (const claim of taking.resources.ports) {
    const key = listenerKey(claim);
    const there = ledger.listeners.get(key);
    if (there === undefined) ledger.listeners.set(key, new Set([taking]));
    else there.add(taking);
  }
}

function release(ledger: Ledger, among: Map<string, Taking>, unit: string): void {
  const taking = among.get(unit);
  if (taking === undefined) return;
  among.delete(unit);
  for (const kind of resourceKinds) ledger.promised[kind] -= taking.amounts[kind];
  for (const claim of taking.resources.ports) {
    const key = listenerKey(claim);
    const there = ledger.listeners.get(key);
    there?.delete(taking);
    if (there?.size === 0) ledger.listeners.delete(key);
  }
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
    const wanted = amountOn(ledger, need);
    const free = freeFor(ledger, need.kind, name, without);
    if (wanted > free) return tooMuch(ledger, { need, wanted, free });
  }
  return missingCpu(ledger, resources);
}

function freeFor(
  { offer, promised, takers, asTheyRun }: Ledger,
  kind: ResourceKind,
  name: string,
  without: ReadonlySet<string>,
): number {
  let free = offer[kind] - promised[kind];
  for (const unit of without.has(name) ? without : [...without, name]) {
    free += takers.get(unit)?.amounts[kind] ?? 0;
    free += asTheyRun.get(unit)?.amounts[kind] ?? 0;
  }
  return free;
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

function missingCpu({ cpus }: Ledger, { allowedCpus }: Resources): string | null {
  if (cpus === null || allowedCpus === null) return null;
  const missing = allowedCpus.numbers.find((cpu) => !cpus.numbers.has(cpu));
  if (missing === undefined) return null;
  return `${allowedCpus.option} wants CPU ${missing}, the machine has ${cpus.list}`;
}

/**
 * Who has a port that the unit needs; null: nobody.
 * @param without - units that are gone before it comes
 * @param counts - whether another unit is in its way
 */
export function portTaken(
  ledger: Ledger,
  { name, requirements: { resources } }: Taker,
  {
    without = nobody,
    counts = () => true,
  }: {
    readonly without?: ReadonlySet<string>;
    readonly counts?: (other: string) => boolean;
  } = {},
): { readonly by: string; readonly claim: PortClaim } | null {
  if (resources === null) return null;
  for (const claim of resources.ports) {
    // The first by name, so that of several always the same is named.
    let by: string | null = null;
    for (const their of ledger.listeners.get(listenerKey(claim)) ?? []) {
      const other = their.unit;
      if (other === name || without.has(other) || !counts(other)) continue;
      if (resources.starts === other || their.resources.starts === name) continue;
      if (by !== null && by < other) continue;
      if (their.resources.ports.some((port) => doPortsClash(claim, port))) by = other;
    }
    if (by !== null) return { by, claim };
  }
  return null;
}

/** Why a unit cannot share its ports with who is there. */
export function portPhrase(claim: PortClaim, by: string, isEnding: boolean): string {
  return `${claim.option} wants ${describePort(claim)}, ${by} has it${isEnding ? ' still' : ''}`;
}
