import type { Assignment } from '@muster/core';
import { expect, lingeringMatches, replacedOn, settle, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { companionsOf, followingGroups } from './company.ts';
import { assignmentsOf, failuresToStore, isForgotten, leave, mostReasonsOf } from './draft.ts';
import type { Draft, Unplaced, Wanted } from './draft.ts';
import { isCertainlyGone, stillEndingOn } from './leaving.ts';
import { findRoom } from './make-room.ts';
import type { Move, Vacancy } from './make-room.ts';
import { groupRefusal, hostsFor, hostsWith, refusal, takenGroups, takesGroups } from './refusal.ts';
import { bestOf, compareScores, scorerFor, whyBest } from './score.ts';
import type { Score, Scorer } from './score.ts';

/** A unit that has no place, or whose machine is gone. */
export interface Homeless {
  readonly unit: Candidate;
  /** Its other places; the new one is added. */
  readonly wanted: Wanted;
  /** Its place on a machine that is not there. */
  readonly absentHolder: Assignment | null;
}

/** Finds a place for a unit, or says why there is none (now). */
export function placeAnew(draft: Draft, homeless: Homeless): void {
  const { unit, wanted, absentHolder } = homeless;
  const kept = draft.reserved.get(unit.name);
  if (absentHolder !== null && !mayReplaceHolder(draft, unit, absentHolder)) {
    if (kept !== undefined) expect(kept, unit.name);
    return;
  }
  const gone = absentHolder === null ? null : forsake(draft, wanted, absentHolder);
  breakPromises(draft, unit.name);
  const endingOn = stillEndingOn(draft, unit.name, (machine) => wanted.has(machine));
  noteWhyItLeft(draft, unit, endingOn);
  if (absentHolder === null) noteThatItFailed(draft, unit);
  const { best, along = [], refusals } = choose(draft, homeless, { endingOn, kept });
  if (best === null) {
    const reason = draft.model.open.length === 0 ? 'there is no machine' : 'no machine can take it';
    draft.unplaced.push({ unit: unit.name, reason, machines: refusals });
    if (endingOn.length > 0) promiseBest(draft, homeless, kept);
    return;
  }
  const { host, room } = best;
  const why = whyBest(draft.model, unit, host);
  settle(host, unit);
  for (const other of along) reserve(draft, other, host);
  if (room.type !== 'free') {
    const absent = absentHolder?.machine ?? null;
    waitForRoom(draft, { unit, host, room, absent });
    return;
  }
  if (absentHolder !== null && isBound(unit, absentHolder)) {
    // It has ended there: nothing of it is to run on when the machine is back.
    wanted.delete(absentHolder.machine);
    draft.left.set(`${unit.name} on ${absentHolder.machine}`, 'its machine is gone');
  } else if (absentHolder !== null && wanted.has(absentHolder.machine)) {
    wanted.set(absentHolder.machine, {
      ...absentHolder,
      role: 'released',
      reason: 'machine is gone',
    });
  }
  const reason = draft.underway.get(unit.name)?.reason ?? gone ?? why;
  wanted.set(host.id, { machine: host.id, role: 'holder', reason });
  draft.underway.delete(unit.name);
}

/**
 * What is kept of the place on an absent machine while another is looked for: all, until there is
 * one; or nothing, if the machine was forgotten. @returns why it is to go elsewhere
 */
function forsake(draft: Draft, wanted: Wanted, { unit, machine }: Assignment): string {
  if (!isForgotten(draft, machine)) return `machine ${machine} is gone`;
  wanted.delete(machine);
  draft.left.set(`${unit} on ${machine}`, 'its machine was forgotten');
  return `machine ${machine} was forgotten`;
}

/** What was kept free for the unit is to be chosen again, by itself. */
function breakPromises(draft: Draft, name: string): void {
  for (const kept of [draft.promises, draft.reserved]) {
    const host = kept.get(name);
    if (host === undefined) continue;
    vacate(host, name);
    kept.delete(name);
  }
}

/** Nobody takes the place of one that was chosen together with others, until its turn comes. */
function reserve(draft: Draft, unit: Candidate, host: Host): void {
  if (host.residents.has(unit.name) || draft.decided.has(unit.name)) return;
  settle(host, unit);
  draft.reserved.set(unit.name, host);
}

/** A leader that did not see the unit lose its place can still tell why, while it ends there. */
function noteWhyItLeft(draft: Draft, unit: Candidate, endingOn: readonly string[]): void {
  if (draft.underway.has(unit.name)) return;
  const leaving = assignmentsOf(draft, unit.name).find(({ isLeaving }) => isLeaving === true);
  if (leaving !== undefined) draft.underway.set(unit.name, { reason: leaving.reason, to: null });
  for (const machine of endingOn) {
    const host = draft.model.hosts.get(machine);
    const replaced = host && replacedOn(unit, host, draft.model.replacements);
    const reason = replaced && `replaced by ${replaced.by}`;
    if (reason) draft.underway.set(unit.name, { reason, to: null });
  }
}

function noteThatItFailed(draft: Draft, unit: Candidate): void {
  const failedOn = failuresToStore(draft, unit.name)?.machines.at(-1);
  if (failedOn === undefined || draft.underway.has(unit.name)) return;
  draft.underway.set(unit.name, { reason: `it failed on ${failedOn}`, to: null });
}

function isBound({ requirements }: Candidate, stored: Assignment): boolean {
  return requirements.onPartition === 'stop' || stored.onPartition === 'stop';
}

function mayReplaceHolder(draft: Draft, unit: Candidate, holder: Assignment): boolean {
  const { machine } = holder;
  if (!draft.options.absentSince.has(machine)) return false;
  if (isBound(unit, holder) && !isCertainlyGone(draft, machine)) {
    const reason = `its machine ${machine} is absent and has to be for longer before OnPartition=stop allows another`;
    draft.unplaced.push({ unit: unit.name, reason, machines: [] });
    return false;
  }
  if (unit.requirements.machineId === null || isForgotten(draft, machine)) return true;
  const reason = `its machine ${machine} is absent and MachineID allows no other`;
  draft.unplaced.push({ unit: unit.name, reason, machines: [] });
  return false;
}

/**
 * The unit has the machine from now on, and gets its assignment when nobody it replaces is there
 * any more. Until then each plan decides the same anew, from what the store says.
 */
function waitForRoom(
  draft: Draft,
  {
    unit,
    host,
    room,
    absent,
  }: {
    unit: Candidate;
    host: Host;
    room: Exclude<Vacancy, { type: 'free' }>;
    absent: string | null;
  },
): void {
  if (room.type === 'occupied') giveWay(draft, { to: unit, host, moves: room.moves, absent });
  // Who follows it comes after it.
  expect(host, unit.name);
  const left = draft.underway.get(unit.name)?.reason ?? null;
  draft.underway.set(unit.name, { reason: left, to: host.id });
  const names = room.type === 'pending' ? room.units : room.moves.map((move) => move.unit.name);
  const reason = `it waits for ${names.join(', ')} to end on ${host.id}`;
  draft.unplaced.push({ unit: unit.name, reason, machines: [] });
}

/**
 * Units leave a machine for one that replaces them; what they found elsewhere is kept free.
 * @param absent - the machine on which that one was; null: it comes from none that is absent
 */
export function giveWay(
  draft: Draft,
  {
    to,
    host,
    moves,
    absent,
  }: { to: Candidate; host: Host; moves: readonly Move[]; absent: string | null },
): void {
  for (const move of moves) {
    const { name } = move.unit;
    if (absent !== null) draft.causes.set(name, absent);
    const isReplaced = draft.model.replacements.patternFor(to, name) !== null;
    const reason = `${isReplaced ? '' : 'follows a unit '}replaced by ${to.name}`;
    leaveFor(draft, { ...move, host, reason });
  }
}

/** A unit leaves a machine; another one is kept free for it. */
export function leaveFor(
  draft: Draft,
  { unit, to, host, reason }: Move & { readonly host: Host; readonly reason: string },
): void {
  leave(draft, { unit, host, reason });
  promise(draft, unit, to);
}

/** A unit that was global until now may be there already: then nothing has to be kept for it. */
function promise(draft: Draft, unit: Candidate, host: Host): void {
  if (host.residents.has(unit.name)) return;
  settle(host, unit);
  expect(host, unit.name);
  draft.promises.set(unit.name, host);
}

/** Keeps a place free for a unit that has still to end where it was, lest it find none then. */
function promiseBest(draft: Draft, homeless: Homeless, kept: Host | undefined): void {
  const { best } = choose(draft, homeless, { endingOn: [], kept });
  if (best?.room.type === 'free') promise(draft, homeless.unit, best.host);
}

/** `best`: where the unit goes, and what has to happen there before. */
interface Choice {
  readonly best: { readonly host: Host; readonly room: Vacancy } | null;
  /** Units that go there as well. */
  readonly along?: readonly Candidate[];
  readonly refusals: Unplaced['machines'];
}

/**
 * The best machine of those that may take the unit.
 * @param endingOn - machines on which it has still to end
 * @param kept - where it goes, if that can take it: it was chosen with units that it follows
 */
function choose(
  draft: Draft,
  homeless: Homeless,
  { endingOn, kept }: { readonly endingOn: readonly string[]; readonly kept?: Host | undefined },
): Choice {
  const { unit, wanted } = homeless;
  const refusals = endingOn.length === 0 ? whyNowhere(draft, unit) : null;
  if (refusals !== null) return { best: null, refusals };
  const together = [unit, ...companionsOf(draft, unit)];
  const failedOn = failuresToStore(draft, unit.name)?.machines ?? [];
  // It may be begun anew there, but not stay as it is.
  const justFailedOn = endingOn.filter((machine) => failedOn.includes(machine));
  const move = draft.moving.get(unit.name);
  const isLeft = (host: Host): boolean => host.id === move?.from && endingOn.includes(host.id);
  const bar = (host: Host): string | null =>
    endsElsewhere(draft, endingOn, host) ??
    (isLeft(host) ? 'it ends there to go elsewhere' : null) ??
    (justFailedOn.includes(host.id) ? 'it failed there and has still to end' : null);
  const refuse = (host: Host): string | null =>
    bar(host) ??
    (together.length === 1 ? refusal(draft, unit, host) : groupRefusal(draft, together, host));
  const footing = { footholdOn: footholds(draft, homeless), leastFoothold: 0 as const };
  if (unit.replaces.length > 0) {
    return chooseWithRoom(draft, unit, {
      refuse,
      scorer: scorerFor(draft.model, { unit, failedOn, ...footing }),
    });
  }
  if (kept !== undefined && refuse(kept) === null) return freeAt(kept, []);
  const released = [...openHosts(draft, releasedOn(wanted))];
  const scorer = scorerFor(draft.model, {
    unit,
    failedOn,
    ...(released.length === 0 ? {} : footing),
  });
  const candidates = (): Iterable<Host>[] => [
    released,
    endingOn.length === 0 ? hostsFor(draft, together) : openHosts(draft, endingOn),
  ];
  const groups = [together, ...followingGroups(draft, together)];
  const best =
    groups.length === 1
      ? bestOf(candidates(), scorer, (host) => refuse(host) === null)
      : bestForMost(draft, groups, { candidates, scorer, bar });
  if (best === null) return { best, refusals: refusalsOf(draft, unit.name, refuse) };
  const taken = groups.flat().length === 1 ? [] : takenGroups(draft, groups, best);
  return freeAt(
    best,
    taken.filter((other) => other !== unit),
  );
}

/** The best of the machines that take all of the groups, else of those that take the most units. */
function bestForMost(
  draft: Draft,
  groups: readonly (readonly Candidate[])[],
  {
    candidates,
    scorer,
    bar,
  }: {
    /** The same each time. */
    readonly candidates: () => Iterable<Host>[];
    readonly scorer: Scorer;
    readonly bar: Refuse;
  },
): Host | null {
  const best = bestOf(
    candidates(),
    scorer,
    (host) => bar(host) === null && takesGroups(draft, groups, host),
  );
  if (best !== null) return best;
  const counts = new Map<Host, number>();
  for (const host of candidates().flatMap((hosts) => [...hosts])) {
    const count = bar(host) === null ? takenGroups(draft, groups, host).length : 0;
    if (count > 0) counts.set(host, count);
  }
  const most = Math.max(...counts.values());
  return bestOf(candidates(), scorer, (host) => counts.get(host) === most);
}

/** Many units that ask the same and that no machine takes cost no more than one; null: some may, or it is not that simple. */
function whyNowhere(draft: Draft, unit: Candidate): Unplaced['machines'] | null {
  const { model } = draft;
  const { machineOf, machineId } = unit.requirements;
  if (machineOf.length > 0 || machineId !== null) return null;
  const most = mostReasonsOf(draft, unit.name);
  const mismatches = model.index.whyUnsuitable(unit, most);
  if (mismatches !== null || hostsWith(model, unit.name).size > 0) return mismatches;
  return model.index.whyCrowded(unit, most);
}

type Refuse = (host: Host) => string | null;

/** Where a copy of it runs on, and where others make room for it. */
function footholds(draft: Draft, { unit, wanted }: Homeless): (host: Host) => Score['foothold'] {
  const replaces = unit.replaces.length > 0;
  return (host) => {
    if (wanted.get(host.id)?.role === 'released') return 0;
    return replaces && isMakingRoom(draft, unit, host) ? 1 : 2;
  };
}

/** What machines say, by id: of many only some are asked, lest the answers be more than the units. */
export function refusalsOf(draft: Draft, name: string, refuse: Refuse): Unplaced['machines'] {
  const most = mostReasonsOf(draft, name);
  const refusals: Unplaced['machines'][number][] = [];
  for (const host of draft.model.open) {
    if (refusals.length === most) break;
    const reason = refuse(host);
    if (reason !== null) refusals.push({ machine: host.id, reason });
  }
  return refusals;
}

/** Those of these machines that take new units, the least loaded first. */
function openHosts(
  { model: { hosts, index } }: Draft,
  machines: readonly string[],
): Iterable<Host> {
  const found = machines.flatMap((machine) => hosts.get(machine) ?? []);
  return index.inOrder(found.filter(({ rank }) => rank >= 0));
}

function releasedOn(wanted: Wanted): string[] {
  const released = [...wanted.values()].filter(({ role }) => role === 'released');
  return released.map(({ machine }) => machine);
}

function endsElsewhere(draft: Draft, endingOn: readonly string[], host: Host): string | null {
  if (endingOn.length === 0) return null;
  const elsewhere = endingOn.find((machine) => machine !== host.id);
  if (elsewhere === undefined) return null;
  return draft.model.hosts.has(elsewhere)
    ? `it is still being stopped on ${elsewhere}`
    : `it may still run on ${elsewhere}, which is absent`;
}

function freeAt(host: Host, along: readonly Candidate[]): Choice {
  return { best: { host, room: { type: 'free' } }, along, refusals: [] };
}

/** Whether units end there, or just did, to make room for this one: that is not to be in vain. */
function isMakingRoom({ model, underway }: Draft, unit: Candidate, host: Host): boolean {
  if (underway.get(unit.name)?.to === host.id) return true;
  return unit.replaces
    .flatMap((glob) => lingeringMatches(host, glob))
    .some((name) => {
      const other = model.snapshot.units.get(name);
      const isWanted = other !== undefined && other.desiredState !== 'inactive';
      return isWanted && model.replacements.patternFor(unit, name) !== null;
    });
}

/** The best of the machines that would take the unit and on which those that it replaces can give way. */
function chooseWithRoom(
  draft: Draft,
  unit: Candidate,
  { refuse, scorer }: { refuse: Refuse; scorer: Scorer },
): Choice {
  const hosts = draft.model.open.filter((host) => refuse(host) === null);
  const crowded = new Map<Host, string>();
  for (const { host } of hosts.map(scorer.of).sort(compareScores)) {
    const room = findRoom(draft, unit, host);
    if (room.type !== 'refused') return { best: { host, room }, refusals: [] };
    crowded.set(host, room.reason);
  }
  const refusals = refusalsOf(draft, unit.name, (host) => crowded.get(host) ?? refuse(host));
  return { best: null, refusals };
}
