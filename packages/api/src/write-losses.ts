import type {
  Clock,
  ClusterSnapshot,
  ClusterView,
  Origin,
  Revision,
  UnitRegistry,
} from '@muster/core';
import { isAbsent, unitsAssignedTo } from './absent-machines.ts';
import { HttpError } from './http-error.ts';
import type { ForgottenBody, LossesAcceptedBody } from './wire.ts';

export interface LossWriter {
  readonly units: UnitRegistry;
  readonly clock: Clock;
  /** Who asks for it. */
  readonly origin: Origin;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

/** How often a record that somebody else changed meanwhile is read anew. */
const maxAttempts = 5;
/** How long the leader may take to forget a machine before the answer is given. */
const forgetMs = 10_000;
const catchUpMs = 5_000;

/**
 * Accepts that machines are lost, each by itself: the brake does not hold their units back any more.
 * One that is there cannot be lost.
 */
export async function acceptLosses(
  writer: LossWriter,
  machines: readonly string[],
): Promise<LossesAcceptedBody> {
  const results: LossesAcceptedBody['machines'][number][] = [];
  let revision = 0;
  for (const machine of machines) {
    const { result, ...written } = await acceptLoss(writer, machine, false);
    revision = Math.max(revision, written.revision);
    results.push({ machine, result });
  }
  return { revision, machines: results };
}

/**
 * Has the leader remove everything that is stored of an absent machine, and waits until it has. Asking
 * again for a machine that is forgotten changes nothing.
 * @throws {HttpError} 409 when the machine is there, or is back before it was forgotten
 */
export async function forgetMachine(writer: LossWriter, machine: string): Promise<ForgottenBody> {
  const view = await writer.units.cluster();
  const units = unitsAssignedTo(view.snapshot(), machine);
  const { result, revision } = await acceptLoss(writer, machine, true);
  if (result === 'unknown') return { machine, result, units: [] };
  if (result === 'present') throw present(machine, view.snapshot());
  await view.atLeast(revision, catchUpMs);
  await untilOver(view, machine, writer);
  const snapshot = view.snapshot();
  if (snapshot.losses.has(machine)) return { machine, result: 'pending', units };
  if (!isAbsent(snapshot, machine)) throw present(machine, snapshot);
  return { machine, result: 'forgotten', units };
}

interface Accepted {
  readonly result: LossesAcceptedBody['machines'][number]['result'];
  /** Of the store when that was so. */
  readonly revision: Revision;
}

async function acceptLoss(
  { units, clock, origin, signal }: LossWriter,
  machine: string,
  isForgotten: boolean,
): Promise<Accepted> {
  const view = await units.cluster();
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const snapshot = view.snapshot();
    const { revision } = snapshot;
    if (!isAbsent(snapshot, machine)) return { result: 'present', revision };
    if (!isKnown(snapshot, machine)) return { result: 'unknown', revision };
    const before = snapshot.losses.get(machine);
    // Whoever wants it forgotten accepts its loss as well.
    const isSaid = before !== undefined && (before.isForgotten || !isForgotten);
    if (isSaid) return { result: 'accepted', revision };
    const loss = { machine, isForgotten, origin };
    const [written] = await units.writeLosses([{ loss, expect: before?.modRevision ?? 0 }]);
    if (written?.type === 'written') return { result: 'accepted', revision: written.revision };
    // The view is a little behind what made it fail.
    await clock.sleep(100, signal);
  }
  const message = `what is stored of machine ${machine} is being changed by others, try again`;
  throw new HttpError(409, 'conflict', message);
}

function isKnown(snapshot: ClusterSnapshot, machine: string): boolean {
  if (snapshot.settings.has(machine) || snapshot.losses.has(machine)) return true;
  return [...snapshot.assignments.values()].some((byMachine) => byMachine.has(machine));
}

async function untilOver(
  view: ClusterView,
  machine: string,
  { clock, signal }: Pick<LossWriter, 'clock' | 'signal'>,
): Promise<void> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  const look = (): void => {
    if (isOver(view, machine)) stop();
  };
  const unsubscribe = view.onChange(look);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  look();
  await clock.sleep(forgetMs, over.signal);
  unsubscribe();
  signal.removeEventListener('abort', stop);
}

/** Without a picture nothing is known. */
function isOver(view: ClusterView, machine: string): boolean {
  try {
    return !view.snapshot().losses.has(machine);
  } catch {
    return false;
  }
}

function present(machine: string, { machines }: ClusterSnapshot): HttpError {
  const isAway = machines.get(machine)?.awaySince != null;
  const why = isAway
    ? 'its musterd was stopped in order, and its units may run on until that counts as absent'
    : 'it is there';
  return new HttpError(
    409,
    'machine-present',
    `machine ${machine} cannot be forgotten: ${why}; only a machine that is absent can`,
  );
}
