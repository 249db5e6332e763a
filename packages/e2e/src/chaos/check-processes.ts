import { clockTime } from './evidence.ts';
import type { Evidence, Process, Request, Round, Violation } from './evidence.ts';
import { describeFault, powersOff, silences, unsettlesLease } from './fault.ts';
import type { Inflicted } from './fault.ts';
import { requestedWrites } from './requested-writes.ts';
import type { RequestedWrite } from './requested-writes.ts';
import type { CastUnit, UnitKind } from './units.ts';

/** Kinds whose main process runs until somebody ends it. */
const lasting: readonly UnitKind[] = ['steady', 'everywhere', 'pinned', 'exclusive', 'timer'];

/** What the program of a unit noted at its end may be read so much later than it was gone. */
const noteMs = 1000;

/**
 * I1: no unit runs twice. A unit that may run on while its machine is cut off may have a second
 * copy, but only because of such a fault; one that may not, never.
 */
export function checkCopies(evidence: Evidence): Violation[] {
  return evidence.cast.flatMap((unit) => {
    if (unit.kind === 'everywhere') return [];
    const runs = evidence.processes.filter((process) => process.unit === unit.name);
    return runs.flatMap((first, i) =>
      runs.slice(i + 1).flatMap((second) => overlap(evidence, unit, [first, second])),
    );
  });
}

function overlap(evidence: Evidence, unit: CastUnit, pair: [Process, Process]): Violation[] {
  const [first, second] = pair;
  const from = Math.max(first.startedAt, second.startedAt);
  // Both were seen alive later than the second one began: there is no doubt.
  const until = Math.min(first.seenAt, second.seenAt);
  if (first.machine === second.machine || until <= from) return [];
  if (unit.kind !== 'exclusive' && isBeside(evidence, pair, from)) return [];
  const machines = `machines ${first.machine} and ${second.machine}`;
  const text = `${unit.name} ran on ${machines} at once, from ${clockTime(from)} to ${clockTime(until)}`;
  return [{ invariant: 'I1', text }];
}

/** Whether one of two copies was on a machine that others could not hear when they began to overlap. */
function isBeside(evidence: Evidence, pair: readonly Process[], from: number): boolean {
  const round = roundAt(evidence, from);
  return faultsOf(evidence, round).some(
    ({ fault, from: began }) =>
      began <= from && pair.some(({ machine }) => silences(fault).includes(machine)),
  );
}

/** I2: no process of a unit ends but for a reason; I3: a copy is given up only for one that runs. */
export function checkEnds(evidence: Evidence): Violation[] {
  const kinds = new Map(evidence.cast.map((unit) => [unit.name, unit]));
  const writes = requestedWrites(evidence.changes);
  return evidence.processes.flatMap((process) => {
    const unit = kinds.get(process.unit);
    if (unit === undefined || process.goneAt === null || !lasting.includes(unit.kind)) return [];
    if (endedItself(evidence, process)) return [];
    return unexplained(evidence, { unit, process, at: process.goneAt, writes });
  });
}

interface End {
  readonly unit: CastUnit;
  readonly process: Process;
  readonly at: number;
  /** Of all requests in the run. */
  readonly writes: readonly RequestedWrite[];
}

function unexplained(evidence: Evidence, end: End): Violation[] {
  const { unit, process, at } = end;
  const round = roundAt(evidence, at);
  const faults = faultsOf(evidence, round).filter(({ from }) => from <= at);
  if (faults.some((fault) => tookPowerOf(fault, process))) return [];
  if (evidence.requests.some((request) => isAsked(evidence, request, { ...end, round }))) return [];
  const isUnsettled = faults.some(({ fault }) => unsettlesLease(fault, process.machine));
  if (unit.kind === 'exclusive' && isUnsettled) return [];
  const silence = faults.find(({ fault }) => silences(fault).includes(process.machine));
  const where = `machine ${process.machine} (pid ${process.pid})`;
  const text = `the process of ${unit.name} on ${where} was gone at ${clockTime(at)}`;
  if (silence === undefined || unit.kind === 'everywhere' || unit.kind === 'pinned') {
    return [{ invariant: 'I2', text: `${text}, for no reason: ${meanwhile(faults)}` }];
  }
  if (isReplaced(evidence, end)) return [];
  const after = `after ${describeFault(silence.fault)}`;
  return [{ invariant: 'I3', text: `${text}, ${after}, while no other copy of it ran` }];
}

function tookPowerOf({ fault, until }: Inflicted, { machine, seenAt }: Process): boolean {
  return powersOff(fault).includes(machine) && seenAt <= until;
}

/** Whether somebody asked for something that ends it, in this round or so that it came then. */
function isAsked(
  { cast }: Evidence,
  request: Request,
  { unit, at, round, writes }: End & { round: Round | null },
): boolean {
  if (request.askedAt > at || round === null) return false;
  if (request.round !== round.number && !cameIn(writes, request, round)) return false;
  if (request.outcome === 'refused' || request.outcome === 'nothing') return false;
  const { wish } = request;
  if (wish.action === 'metadata') return unit.only?.type === 'metadata';
  // It brings the content along: where that was replaced, it is put back.
  if (wish.action === 'start') return unit.asked === 'everything' && wish.unit === unit.name;
  const follows = cast.find(({ name }) => name === unit.name)?.follows;
  return wish.unit === unit.name || wish.unit === follows;
}

/** Whether a request that got no answer was carried out in a later round: TCP may have kept it. */
function cameIn(
  writes: readonly RequestedWrite[],
  { id, outcome }: Request,
  round: Round,
): boolean {
  if (outcome !== 'unknown') return false;
  return writes.some((write) => write.id === id && isWithin(write.seenAt, round));
}

/** Whether another copy of it ran when it ended, as far as can be told: nobody saw when that was. */
function isReplaced({ processes }: Evidence, { unit, process, at }: End): boolean {
  return processes.some(
    (other) =>
      other.unit === unit.name &&
      other.machine !== process.machine &&
      other.startedAt <= at &&
      (other.goneAt === null || other.goneAt >= at),
  );
}

function endedItself(
  { notes }: Evidence,
  { unit, machine, innerPid, seenAt, goneAt }: Process,
): boolean {
  return notes.some(
    (note) =>
      note.what === 'end' &&
      note.unit === unit &&
      note.machine === machine &&
      note.innerPid === innerPid &&
      note.at >= seenAt - noteMs &&
      note.at <= (goneAt ?? note.at),
  );
}

/**
 * A program that runs to its end when its unit is launched is not run again in the same boot
 * unless somebody asks.
 */
export function checkOnce(evidence: Evidence): Violation[] {
  return evidence.cast.flatMap((unit) => {
    if (unit.kind !== 'once') return [];
    return evidence.rounds.flatMap((round) => {
      const began = evidence.notes.filter(
        ({ what, unit: name, at }) => what === 'begin' && name === unit.name && isWithin(at, round),
      );
      // Launched at the very beginning, before the first round.
      const asked = evidence.requests.filter(
        ({ wish, round: number, outcome }) =>
          number === round.number &&
          'unit' in wish &&
          wish.unit === unit.name &&
          (outcome === 'done' || outcome === 'unknown'),
      ).length;
      const moved = faultsOf(evidence, round).filter(({ fault }) => {
        return powersOff(fault).length > 0 || silences(fault).length > 0;
      }).length;
      if (began.length <= asked + moved) return [];
      const text = `${unit.name} ran ${began.length} times in round ${round.number}, after ${asked} requests and ${moved} faults that may move it`;
      return [{ invariant: 'I2', text }];
    });
  });
}

function roundAt({ rounds }: Evidence, at: number): Round | null {
  return rounds.find((round) => isWithin(at, round)) ?? null;
}

function isWithin(at: number, { from, until }: Round): boolean {
  return at >= from && at <= until;
}

function faultsOf({ faults }: Evidence, round: Round | null): readonly Inflicted[] {
  return round === null ? [] : faults.filter(({ from }) => isWithin(from, round));
}

function meanwhile(faults: readonly Inflicted[]): string {
  const told = faults.map(({ fault, from }) => `${describeFault(fault)} at ${clockTime(from)}`);
  return told.length === 0 ? 'nothing had gone wrong' : `there was only ${told.join(', ')}`;
}
