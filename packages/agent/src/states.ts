import type { ProcessExit, StateReport, UnitRun } from '@muster/core';
import { isUp } from './plan.ts';
import type { UnitInput } from './plan.ts';

/** Why muster refused or failed to do what an assignment says. */
export interface Problem {
  /** One sentence. */
  readonly text: string;
  /** Mod revision of that assignment; it says nothing of a later one, which is still to be tried. */
  readonly revision: number;
}

/** What a state is derived from, besides the unit's input. */
export interface Evidence {
  readonly bootId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Properties asked for since the unit last changed; null: not asked, nothing changed. */
  readonly run: UnitRun | null;
  /** null: what was tried last could be done. */
  readonly problem: Problem | null;
  /** A job was asked for, and how it ended is not known yet. */
  readonly awaitsJob: boolean;
  /** How often it was restarted of late without having been asked to; null: it is not flapping. */
  readonly flapping: number | null;
  /** What was derived last; null: nothing yet. */
  readonly previous: StateReport | null;
}

/** The state to publish for one unit. Pure. */
export function deriveState(input: UnitInput, evidence: Evidence): StateReport {
  const { unit, assignment, note, fileHash, loaded } = input;
  const { previous, run } = evidence;
  const activeState = loaded?.activeState ?? 'inactive';
  const invocationId = run === null ? (previous?.invocationId ?? null) : run.invocationId;
  const exit = deriveExit(activeState, evidence);
  const flaps = evidence.flapping !== null && activeState !== 'failed';
  const isSame = previous?.activeState === activeState && previous.invocationId === invocationId;
  return {
    unit,
    loadState: loaded?.loadState ?? (fileHash === null ? 'not-found' : 'loaded'),
    activeState,
    subState: loaded?.subState ?? 'dead',
    result: deriveResult(input, evidence),
    ...(exit === null ? {} : { exit }),
    ...(flaps ? { flapping: evidence.flapping } : {}),
    problem: evidence.problem?.text ?? null,
    since: isSame ? previous.since : evidence.now,
    bootId: evidence.bootId,
    invocationId,
    hash: note?.hash ?? assignment?.hash ?? '',
    answers: deriveAnswers(input, evidence),
  };
}

/**
 * The assignment's revision once it has been carried out and the job it led to has ended; a unit
 * that is on its way up answers already, for that can take as long as it wants.
 */
function deriveAnswers({ note, loaded }: UnitInput, evidence: Evidence): number {
  if (evidence.problem !== null) return evidence.problem.revision;
  const before = evidence.previous?.answers ?? 0;
  if (note === null || note.pending !== null) return before;
  if (evidence.awaitsJob && loaded?.activeState !== 'activating') return before;
  return note.answers;
}

function deriveExit(activeState: string, { run, previous }: Evidence): ProcessExit | null {
  if (run !== null) return run.exit;
  return previous?.activeState === activeState ? (previous.exit ?? null) : null;
}

/** Of these systemd knows no result. */
const resultless = /\.(?:target|slice)$/;

function deriveResult({ unit, note, loaded }: UnitInput, evidence: Evidence): string | null {
  const { run, previous } = evidence;
  if (evidence.awaitsJob || loaded?.activeState === 'activating') return null;
  if (note?.wasStarted !== true) {
    // Not started by muster: its timer, socket or a dependency may have run it.
    const ranAnyway = run !== null && run.invocationId !== null;
    return ranAnyway ? run.result : (previous?.result ?? null);
  }
  if (isUp(loaded) && resultless.test(unit)) return null;
  const job = note.jobResult ?? 'done';
  const isDown = !isUp(loaded) && loaded?.activeState !== 'failed';
  if (isDown && job !== 'done') return job;
  if (run !== null) return run.result ?? 'success';
  // Its job's end was told to a musterd that is gone, and systemd has forgotten the unit.
  if (loaded === null) return note.jobResult === null ? 'unknown' : 'success';
  return previous?.result ?? 'success';
}

/** Whether a difference is worth a write. How often a unit has flapped by now is not. */
export function sameReport(a: StateReport, b: StateReport): boolean {
  return (
    a.loadState === b.loadState &&
    a.activeState === b.activeState &&
    a.subState === b.subState &&
    a.result === b.result &&
    a.exit?.code === b.exit?.code &&
    a.exit?.status === b.exit?.status &&
    (a.flapping === undefined) === (b.flapping === undefined) &&
    a.problem === b.problem &&
    a.since === b.since &&
    a.bootId === b.bootId &&
    a.invocationId === b.invocationId &&
    a.hash === b.hash &&
    a.answers === b.answers
  );
}
