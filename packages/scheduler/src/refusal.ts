import {
  conflictEndingOn,
  conflictOn,
  firstByName,
  lingeringMatches,
  mismatch,
  replacedOn,
  settle,
  shortfall,
  vacate,
} from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Draft } from './draft.ts';

/**
 * Why a machine cannot take the unit now, whoever may have to leave for it; null: it can.
 * @param together - units that are placed in the same step
 */
export function refusal(
  draft: Pick<Draft, 'model'>,
  unit: Candidate,
  host: Host,
  together: readonly Candidate[] = [],
): string | null {
  for (const peer of unit.requirements.machineOf) {
    if (together.some(({ name }) => name === peer)) continue;
    if (!host.residents.has(peer)) return `MachineOf=${peer} is not on it`;
    if (host.expected.has(peer)) return `MachineOf=${peer} is not on it yet`;
  }
  return mismatch(unit, host) ?? contention(draft, unit, host);
}

/**
 * Machines that may take these units together, the least loaded first; whether they do has to be
 * asked. Nothing may be placed meanwhile that is not taken back.
 */
export function hostsFor(
  { model }: Pick<Draft, 'model'>,
  group: readonly Candidate[],
): Iterable<Host> {
  const [unit] = group;
  if (unit === undefined) return [];
  const follows = unit.requirements.machineOf.filter(
    (peer) => !group.some(({ name }) => name === peer),
  );
  return model.index.mayTake(unit, follows);
}

/** What others leave of the machine, and who of them keeps the unit away; null: there is room. */
export function contention(
  draft: Pick<Draft, 'model'>,
  unit: Candidate,
  host: Host,
): string | null {
  // Who leaves for it makes room: findRoom sees to that.
  const missing = unit.replaces.length === 0 ? shortfall(unit, host) : null;
  if (missing !== null) return missing;
  // Most machines hold nobody who minds, and are asked about most often.
  const isCalm = host.picky.size === 0 && host.lingeringPicky.size === 0;
  if (!isCalm || unit.conflicts.length > 0) {
    const conflict = conflictOn(unit, host) ?? conflictEndingOn(unit, host);
    if (conflict !== null) return conflict;
  }
  const replaced = replacedOn(unit, host, draft.model.replacements);
  return replaced === null ? null : `${replaced.by} is there and has Replaces=${replaced.pattern}`;
}

/** Why a machine cannot take all of them as it is, with nobody leaving it; null: it can. */
export function groupRefusal(draft: Draft, group: readonly Candidate[], host: Host): string | null {
  const settled: string[] = [];
  let found: string | null = null;
  for (const unit of group) {
    const reason = refusal(draft, unit, host, group) ?? ownObstacle(draft, unit, host);
    if (reason !== null) {
      found = unit === group[0] ? reason : `${unit.name} has to come along: ${reason}`;
      break;
    }
    // A unit that was global until now may be there already.
    if (host.residents.has(unit.name)) continue;
    settle(host, unit);
    settled.push(unit.name);
  }
  for (const name of settled) vacate(host, name);
  return found;
}

/** What keeps a unit with Replaces= away when nobody leaves for it. */
function ownObstacle(draft: Draft, unit: Candidate, host: Host): string | null {
  if (unit.replaces.length === 0) return null;
  const replaced = firstByName(
    [...host.residents.keys(), ...unit.replaces.flatMap((glob) => lingeringMatches(host, glob))],
    (name) => draft.model.replacements.patternFor(unit, name) !== null,
  );
  if (replaced !== undefined) return `${replaced} is there and would have to leave`;
  return shortfall(unit, host);
}
