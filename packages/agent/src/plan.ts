import type { Assignment, JobEnd, LoadedUnit, Revision, UnitNote } from '@muster/core';

export type JobType = JobEnd['type'];

/** Everything one unit's next step is decided from. */
export interface UnitInput {
  readonly unit: string;
  /** null: the unit does not belong on this machine (any more). */
  readonly assignment: Assignment | null;
  /** What was asked of it in this boot; null: nothing. */
  readonly note: UnitNote | null;
  /** Content of our file on disk; null: there is none; '': it was changed by hand. */
  readonly fileHash: string | null;
  /** What systemd says; null: it is not loaded. */
  readonly loaded: LoadedUnit | null;
}

export interface MachineFacts {
  readonly bootId: string;
  /** The machine shuts down: nothing is started. */
  readonly isStopping: boolean;
  /**
   * The machine has its lease, and the assignments are not older than it. Without that they may have
   * been withdrawn long ago: nothing is carried out, only what went down by itself is put right.
   */
  readonly isHeld: boolean;
  /** Units that were up when they were stopped for want of a lease. */
  readonly fenced: ReadonlySet<string>;
  /**
   * Whether a unit with this content is to be started whenever it is down: Restart=always, and
   * nothing it depends on was stopped on purpose. False also when the text is not at hand.
   */
  readonly isToStayUp: (unit: string, hash: string) => boolean;
}

/** One unit's next step. It is carried out in the order of the fields. */
export interface UnitTask {
  readonly unit: string;
  /** One phrase for the log. */
  readonly reason: string;
  /** Put this content on disk. */
  readonly write: string | null;
  /** systemd has other content loaded: it must read the file again before the job. */
  readonly reload: boolean;
  readonly job: JobType | null;
  /** The unit's MUSTER_EPOCH from its next start on; null: it gets none. */
  readonly epoch: Revision | null;
  /** Take the file away and forget the unit. Only ever for a unit that does not run. */
  readonly remove: boolean;
  /** What is true once all this was accepted; null: nothing to remember. */
  readonly note: UnitNote | null;
  /** Nobody asked for it: it is repeated only after a growing delay. */
  readonly isHealing: boolean;
  /** Mod revision of the assignment it follows from; 0: there is none. */
  readonly revision: number;
}

/** Whether systemd runs it, or is about to. */
export function isUp(loaded: LoadedUnit | null): boolean {
  if (loaded === null) return false;
  return loaded.activeState !== 'inactive' && loaded.activeState !== 'failed';
}

/**
 * The next step of one unit; null when there is none. Pure. Starting, stopping and restarting
 * follow from how the assignment differs from what was noted, so each is asked for once; only
 * files, and a launched unit with Restart=always that is down, are put right whenever seen.
 */
export function planUnit(input: UnitInput, facts: MachineFacts): UnitTask | null {
  const task = nextStep(input, facts);
  return facts.isHeld || task?.isHealing === true ? task : null;
}

function nextStep(input: UnitInput, facts: MachineFacts): UnitTask | null {
  const { assignment } = input;
  if (assignment === null) return planRemoval(input);
  if (assignment.role === 'released') return planReleased(input, assignment);
  if (assignment.isLeaving === true) return planLeaving(input, assignment, facts);
  const needsWrite = input.fileHash !== assignment.hash;
  const wanted =
    assignment.desiredState === 'launched'
      ? launchWish(input, assignment, facts)
      : loadWish(input, assignment);
  const isBound = assignment.onPartition === 'stop';
  const mayStart = !facts.isStopping && (facts.isHeld || !isBound);
  if (wanted.job !== null && wanted.job !== 'stop' && !mayStart) return null;
  const note = noteAfter({ input, assignment, facts, job: wanted.job });
  const isNoted = input.note !== null && sameNote(input.note, note);
  if (!needsWrite && wanted.job === null && isNoted) return null;
  return {
    unit: input.unit,
    reason: needsWrite && wanted.job === null ? 'its file is to be as assigned' : wanted.reason,
    write: needsWrite ? assignment.hash : null,
    reload:
      input.loaded !== null &&
      (needsWrite || (input.note?.hash ?? assignment.hash) !== assignment.hash),
    job: wanted.job,
    epoch: isBound ? assignment.modRevision : null,
    remove: false,
    note,
    isHealing: wanted.isHealing,
    revision: assignment.modRevision,
  };
}

interface Wish {
  readonly job: JobType | null;
  readonly reason: string;
  readonly isHealing: boolean;
}

const wish = (job: JobType | null, reason: string): Wish => ({ job, reason, isHealing: false });
const nothing = wish(null, 'assignment noted');

function launchWish(input: UnitInput, assignment: Assignment, facts: MachineFacts): Wish {
  const { note, loaded } = input;
  if (note === null) return wish('start', 'launched here');
  // Asked for, and musterd ended before it could note the answer: what systemd shows tells.
  const isRunning = isUp(loaded) && loaded?.activeState !== 'deactivating';
  if (note.pending === 'start' && isRunning) return adoptionWish(note, assignment);
  if (note.pending === 'restart') return wish('restart', 'a restart was begun');
  // One that runs on may never have been told to stop: then what it runs with counts.
  const isStopped = !isRunning || loaded?.job != null;
  if (note.pending === 'stop' && isStopped) return wish('start', 'launched again after a stop');
  if (note.incarnation !== assignment.incarnation) {
    return wish('restart', 'destroyed and submitted again');
  }
  if (note.desiredState === 'loaded') {
    return note.hash === assignment.hash || !isUp(loaded)
      ? wish('start', 'desired state is launched')
      : wish('restart', 'desired state is launched, with new content');
  }
  if (note.hash !== assignment.hash) return wish('restart', 'new content');
  if (note.restarts < assignment.restarts) return wish('restart', 'restart asked for');
  if (note.pending === 'stop') return wish('start', 'launched again after a stop');
  const wasStartAsked =
    note.restarts === assignment.restarts && (note.starts ?? 0) < (assignment.starts ?? 0);
  if (wasStartAsked && !isRunning) return wish('start', 'start asked for while it is down');
  if (isBack(note, assignment) && !isRunning) return wish('start', 'launched here again');
  const isDown = loaded === null || loaded.activeState === 'inactive';
  if (!isUp(loaded) && loaded?.job == null && facts.fenced.has(input.unit)) {
    const reason = 'the lease is back: it was up when it was stopped for want of one';
    return { ...wish('start', reason), isHealing: true };
  }
  if (isDown && loaded?.job == null && facts.isToStayUp(input.unit, assignment.hash)) {
    return { ...wish('start', 'found inactive though Restart=always'), isHealing: true };
  }
  return nothing;
}

/** It was started; meanwhile it may have been asked to become another one. */
function adoptionWish({ incarnation, begins }: UnitNote, assignment: Assignment): Wish {
  if (incarnation !== assignment.incarnation) {
    return wish('restart', 'destroyed and submitted again');
  }
  if (begins !== undefined && begins.hash !== assignment.hash)
    return wish('restart', 'new content');
  if (begins !== undefined && begins.restarts < assignment.restarts) {
    return wish('restart', 'restart asked for');
  }
  return wish(null, 'adopted: it had been started');
}

function loadWish({ note, loaded }: UnitInput, assignment: Assignment): Wish {
  if (note === null) return wish(null, 'loaded here');
  const wasLaunched = note.desiredState === 'launched' || note.pending !== null;
  const isAnew = note.incarnation !== assignment.incarnation && note.wasStarted;
  if ((wasLaunched || isAnew) && (isUp(loaded) || loaded?.job != null)) {
    return wish('stop', 'desired state is loaded');
  }
  return nothing;
}

/** Whether the unit was taken away from this machine since, though nobody here has seen it. */
function isBack({ stay }: UnitNote, { createRevision }: Assignment): boolean {
  return stay !== undefined && createRevision !== undefined && stay !== createRevision;
}

/** It may run on, but is not started again. */
function planReleased({ unit, note }: UnitInput, assignment: Assignment): UnitTask | null {
  if (note === null || note.answers === assignment.modRevision) return null;
  return {
    unit,
    reason: 'released: it runs on until its replacement is ready',
    write: null,
    reload: false,
    job: null,
    epoch: null,
    remove: false,
    note: { ...note, answers: assignment.modRevision },
    isHealing: false,
    revision: assignment.modRevision,
  };
}

/** It is stopped, whoever started it, and what is left of it stays until the assignment goes. */
function planLeaving(
  input: UnitInput,
  assignment: Assignment,
  facts: MachineFacts,
): UnitTask | null {
  const { loaded } = input;
  const isEnding = loaded?.job === 'stop' || loaded?.activeState === 'deactivating';
  const isStarting = loaded?.job === 'start' || loaded?.job === 'restart';
  const job = !isEnding && (isUp(loaded) || isStarting) ? 'stop' : null;
  const note = noteAfter({ input, assignment, facts, job });
  // Its end leads back here.
  if (job === null && (isEnding || (input.note !== null && sameNote(input.note, note))))
    return null;
  return {
    unit: input.unit,
    reason: `it is to be elsewhere: ${assignment.reason}`,
    write: null,
    reload: false,
    job,
    epoch: null,
    remove: false,
    note,
    isHealing: false,
    revision: assignment.modRevision,
  };
}

function planRemoval({ unit, note, fileHash, loaded }: UnitInput): UnitTask | null {
  const base = {
    unit,
    write: null,
    reload: false,
    epoch: null,
    note: null,
    isHealing: false,
    revision: 0,
  };
  if (isUp(loaded) || loaded?.job === 'start' || loaded?.job === 'restart') {
    // A stop that is under way is not asked for again: its end leads back here.
    if (loaded?.job === 'stop' || loaded?.activeState === 'deactivating') return null;
    // Given back before it has ended, it is to be started again.
    const stopping = note === null ? null : { ...note, pending: 'stop' as const };
    return { ...base, reason: 'not assigned here', job: 'stop', remove: false, note: stopping };
  }
  if (loaded?.job != null) return null;
  if (fileHash === null && note === null) return null;
  return { ...base, reason: 'not assigned here', job: null, remove: true };
}

function noteAfter({
  input,
  assignment,
  facts,
  job,
}: {
  input: UnitInput;
  assignment: Assignment;
  facts: MachineFacts;
  job: JobType | null;
}): UnitNote {
  const { note } = input;
  const starts = job === 'start' || job === 'restart';
  return {
    unit: input.unit,
    bootId: facts.bootId,
    answers: assignment.modRevision,
    incarnation: assignment.incarnation,
    hash: assignment.hash,
    desiredState: assignment.desiredState,
    restarts: assignment.restarts,
    ...(assignment.starts === undefined ? {} : { starts: assignment.starts }),
    ...(assignment.createRevision === undefined ? {} : { stay: assignment.createRevision }),
    pending: null,
    wasStarted: starts || note?.pending === 'start' || (note?.wasStarted ?? false),
    jobResult: job === null ? (note?.jobResult ?? null) : null,
  };
}

function sameNote(a: UnitNote, b: UnitNote): boolean {
  return (
    a.answers === b.answers &&
    a.incarnation === b.incarnation &&
    a.stay === b.stay &&
    a.hash === b.hash &&
    a.desiredState === b.desiredState &&
    a.restarts === b.restarts &&
    (a.starts ?? 0) === (b.starts ?? 0) &&
    a.pending === b.pending &&
    a.wasStarted === b.wasStarted
  );
}

/** What is noted before a job is asked for, so that a crash in between can be told. */
export function noteBefore(note: UnitNote | null, task: UnitTask): UnitNote | null {
  if (task.job === null || task.note === null) return note;
  const { hash, restarts } = task.note;
  const pending = { pending: task.job, begins: { hash, restarts } };
  if (note !== null && note.incarnation === task.note.incarnation) return { ...note, ...pending };
  // No content is noted yet: after a crash systemd must read the file again.
  return {
    ...task.note,
    answers: 0,
    hash: '',
    desiredState: 'loaded',
    ...pending,
    wasStarted: false,
  };
}
