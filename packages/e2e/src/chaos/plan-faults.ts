import { crowdFaults, linkFaults, machineFaults, machinesOf, memberFaults } from './fault.ts';
import { singleFaults, storeFaults } from './fault.ts';
import type { Fault, TimedFault } from './fault.ts';
import type { Random } from '../sim/random.ts';
import { randomFor, some, whole } from './draw.ts';

/** What a schedule is made for. */
export interface World {
  readonly machines: number;
  /** Members of etcd. */
  readonly members: number;
  /** Machines that reach etcd through the proxy. */
  readonly proxied: readonly number[];
}

/** Within a round faults begin in this time. */
const burstMs = 15_000;

/**
 * The faults of one round, in the order of their times. Pure: the same seed and round, the same
 * faults. No machine has two at a time, etcd as a whole has one at a time.
 */
export function planFaults(seed: number, round: number, world: World): readonly TimedFault[] {
  const random = randomFor(seed, 'faults', round);
  if (random.chance(0.1))
    return [{ atMs: whole(random, 0, 3000), fault: crowdFault(random, world) }];
  const faults: TimedFault[] = [];
  for (const machine of some(random, range(world.machines), whole(random, 0, 3))) {
    const fault = machineFault(random, machine, world);
    faults.push({ atMs: whole(random, 0, burstMs), fault });
  }
  if (faults.length === 0 || random.chance(0.6)) {
    faults.push({ atMs: whole(random, 0, burstMs), fault: etcdFault(random, world) });
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

/** When the last of them has ended, after the round began. */
export function lengthOf(faults: readonly TimedFault[]): number {
  return Math.max(
    0,
    ...faults.map(({ atMs, fault }) => atMs + ('forMs' in fault ? fault.forMs : 0)),
  );
}

/** One line for each way in which a schedule does not fit the world it is to be used in. */
export function misfits(faults: readonly TimedFault[], world: World): readonly string[] {
  return faults.flatMap(({ fault }) => {
    const unknown = machinesOf(fault).filter((machine) => machine < 1 || machine > world.machines);
    const found = unknown.map((machine) => `${fault.kind}: there is no machine ${machine}`);
    if ('member' in fault && (fault.member < 1 || fault.member > world.members)) {
      found.push(`${fault.kind}: etcd has no member ${fault.member}`);
    }
    const isLink = linkFaults.some((kind) => kind === fault.kind);
    for (const machine of isLink ? machinesOf(fault) : []) {
      if (!world.proxied.includes(machine)) {
        found.push(`${fault.kind}: machine ${machine} does not reach etcd through the proxy`);
      }
    }
    return found;
  });
}

function machineFault(random: Random, machine: number, world: World): Fault {
  if (random.chance(0.25)) return { kind: random.pick(singleFaults), machine };
  if (world.proxied.includes(machine) && random.chance(0.6)) {
    return { kind: random.pick(linkFaults), machine, forMs: duration(random) };
  }
  return { kind: random.pick(machineFaults), machine, forMs: duration(random) };
}

function etcdFault(random: Random, { members }: World): Fault {
  if (random.chance(0.4)) return { kind: random.pick(storeFaults), forMs: duration(random) };
  const member = whole(random, 1, members);
  return { kind: random.pick(memberFaults), member, forMs: duration(random) };
}

function crowdFault(random: Random, { machines }: World): Fault {
  const most = Math.floor(machines / 2) + 1;
  const chosen = some(random, range(machines), most).toSorted((a, b) => a - b);
  return { kind: random.pick(crowdFaults), machines: chosen, forMs: duration(random) };
}

/** Shorter than a lease, about as long, and longer. */
function duration(random: Random): number {
  return random.pick([
    whole(random, 500, 4000),
    whole(random, 6000, 11_000),
    whole(random, 12_000, 25_000),
  ]);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
