import type { Brake, ClusterSnapshot, LeaseAge, Loss } from '@muster/core';
import type { Absences } from './absence.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';

/** Fewer machines that vanish are never too many. */
const fewestLost = 3;

/** What the brake is decided from. */
export interface BrakeSight {
  /** Absent machines whose units would be moved, but for those an operator accepts as lost. */
  readonly lost: ReadonlySet<string>;
  /** Those that the brake went on for, that are still absent and that it does not hold back any more. */
  readonly accepted: ReadonlySet<string>;
  /** How many machines are present. */
  readonly present: number;
  /** Present machines whose units would be moved if they vanished as well, and may do so; sorted. */
  readonly others: readonly string[];
}

/**
 * `off`: units of absent machines are moved. `on`: they stay, too many are absent. `waits`: they stay
 * until machines whose leases are overdue have renewed them or are absent as well.
 */
export type BrakeDecision = 'off' | 'on' | 'waits';

/**
 * When at least three machines and more than are left have vanished, it is more likely that the
 * network is broken than that all of them are lost; and if they are, those left cannot carry what
 * they held.
 * @param suspects - which of the others have not renewed their lease when due, or have none any more;
 *   null: not known
 */
export function decideBrake(
  { lost, accepted, present }: BrakeSight,
  suspects: ReadonlySet<string> | null,
): BrakeDecision {
  if (lost.size === 0) return 'off';
  // Who gives up one machine has not said that the others are lost.
  const gone = lost.size + accepted.size;
  if (isTooMany(gone, present)) return 'on';
  if (suspects === null) return 'waits';
  const vanishing = [...suspects].filter((machine) => !lost.has(machine)).length;
  return isTooMany(gone + vanishing, present - vanishing) ? 'waits' : 'off';
}

function isTooMany(lost: number, present: number): boolean {
  return lost >= fewestLost && lost > present;
}

/**
 * Whether it has to be known which of the others are about to vanish, before units are moved.
 * @param cleared - lost machines of which it was known already that they vanished alone
 */
export function mustAsk(sight: BrakeSight, cleared: ReadonlySet<string>): boolean {
  const { lost, accepted, present, others } = sight;
  if ([...lost].every((machine) => cleared.has(machine))) return false;
  const gone = lost.size + accepted.size;
  if (isTooMany(gone, present)) return false;
  return isTooMany(gone + others.length, present - others.length);
}

/** Since when (boot-clock ms) the brake could go off with these machines still lost. */
export interface Easing {
  readonly lost: ReadonlySet<string>;
  readonly since: number;
}

/**
 * Machines that vanished together are back together, but not at the same moment: with the first of
 * them the others are waited for before theirs counts as a loss of its own.
 * @param graceMs - from one return to the next
 */
export function easeOff(
  before: Easing | null,
  { lost, now, graceMs }: { lost: ReadonlySet<string>; now: number; graceMs: number },
): Easing & { readonly isOver: boolean } {
  const isSame = before?.lost.size === lost.size && [...lost].every((id) => before.lost.has(id));
  const since = isSame ? before.since : now;
  return { lost, since, isOver: lost.size === 0 || now - since >= graceMs };
}

export function seeLosses(model: Model, absentSince: Absences): BrakeSight {
  const { machines, losses, brake } = model.snapshot;
  const present = machines.size + model.obscure.size;
  if (absentSince.size === 0) {
    return { lost: new Set(), accepted: new Set(), present, others: [] };
  }
  const lost = new Set(
    [...absentSince.keys()].filter((id) => holdsMovables(model, id) && !losses.has(id)),
  );
  const isThere = (id: string): boolean => machines.has(id) || model.obscure.has(id);
  const braked = brake?.isOn === true ? brake.machines : [];
  const accepted = new Set(braked.filter((id) => !isThere(id) && !lost.has(id)));
  const others = [...machines.values()]
    // Nobody renews the lease of a machine whose musterd was stopped in order.
    .filter(({ id, awaySince }) => awaySince === null && holdsMovables(model, id))
    .map(({ id }) => id);
  return { lost, accepted, present, others: others.sort() };
}

/**
 * Whether a machine holds units which would be placed elsewhere if it were absent. A global or pinned
 * unit stays where it is: a machine that holds nothing else makes no difference.
 */
function holdsMovables(model: Model, machine: string): boolean {
  for (const name of model.assigned.get(machine) ?? []) {
    if (isMovableFrom(model, name, machine)) return true;
  }
  return false;
}

function isMovableFrom(
  { snapshot, candidates, untouchable }: Model,
  name: string,
  machine: string,
): boolean {
  const requirements = candidates.get(name)?.requirements;
  const isWanted = (snapshot.units.get(name)?.desiredState ?? 'inactive') !== 'inactive';
  if (requirements === undefined || untouchable.has(name) || !isWanted) return false;
  if (requirements.isGlobal || requirements.machineId !== null) return false;
  const assignment = snapshot.assignments.get(name)?.get(machine);
  return assignment !== undefined && holdsPlace(assignment);
}

/**
 * Whether a machine has not renewed its lease when it should have. Machines renew theirs every third
 * of the ttl at least. One that lost contact together with one whose lease has ended by now has used
 * up two thirds of its own at least; one that is well, a third and what a late answer takes.
 */
export function isOverdue({ leftSeconds, grantedSeconds }: LeaseAge): boolean {
  return leftSeconds < grantedSeconds / 2;
}

/** What the record of the brake is to say; null: what it says already. */
export function brakeRecord(
  snapshot: Pick<ClusterSnapshot, 'brake' | 'losses' | 'machines'>,
  decision: BrakeDecision,
  { lost, accepted, present }: BrakeSight,
): Pick<Brake, 'isOn' | 'machines' | 'reason'> | null {
  const { brake } = snapshot;
  if (decision === 'on') {
    const machines = [...lost, ...accepted].sort();
    if (brake?.isOn === true && brake.machines.join() === machines.join()) return null;
    const { length } = machines;
    const reason = `${length} of ${length + present} machines are absent`;
    return { isOn: true, machines, reason };
  }
  if (decision === 'waits' || brake?.isOn !== true) return null;
  const { machines } = brake;
  return { isOn: false, machines, reason: whyOff(machines, snapshot) };
}

function whyOff(
  held: readonly string[],
  { losses, machines }: Pick<ClusterSnapshot, 'losses' | 'machines'>,
): string {
  const back = held.filter((id) => machines.has(id)).length;
  const accepted = held.flatMap((id) => losses.get(id) ?? []);
  const by = [...new Set(accepted.map(({ origin }) => origin.by))].sort().join(', ');
  const told = [
    ...(back === 0 ? [] : [`${back} of them ${back === 1 ? 'is' : 'are'} back`]),
    ...(accepted.length === 0 ? [] : [`${by} accepts the loss of ${accepted.length}`]),
  ];
  return told.length === 0 ? 'nothing is to be held back' : told.join(', ');
}

/** Losses that are over: the machine is present again, or nothing is assigned to it any more. */
export function endedLosses({ snapshot, obscure, assigned }: Model): Loss[] {
  const { losses, machines } = snapshot;
  return [...losses.values()].filter(
    ({ machine: id }) => machines.has(id) || (!obscure.has(id) && !assigned.has(id)),
  );
}

/** Machines of which nothing is to be kept. */
export function forgottenMachines({ snapshot, absent }: Model): Set<string> {
  const forgotten = [...snapshot.losses.values()].filter((loss) => loss.isForgotten);
  return new Set(forgotten.map(({ machine }) => machine).filter((id) => absent.has(id)));
}
