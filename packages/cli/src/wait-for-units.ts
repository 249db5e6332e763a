import type { ApiClient, WaitLine, WaitTarget } from '@muster/api/client';
import { InterruptedError, OperationError } from './errors.ts';
import type { Terminal } from './terminal.ts';
import type { UnitReporter } from './unit-reporter.ts';
import { untilInterrupted } from './until-interrupted.ts';

export interface WaitPlan {
  readonly units: readonly string[];
  readonly until: WaitTarget;
  /** Ids; null or absent: wherever the units are. */
  readonly machines?: readonly string[] | null;
  /** Units that were as asked for before: of these it is told that they have run to their end. */
  readonly untouched?: ReadonlySet<string>;
  readonly afterRevision: number;
  /** null: as long as it takes. */
  readonly limitMs: number | null;
}

/** Without a terminal, what is waited for is said at most this often, */
const quietMs = 10_000;
/** and this often if nothing has changed. */
const unchangedMs = 60_000;

/** Where a verb tells how far it is. */
export interface Tell {
  readonly terminal: Terminal;
  readonly reporter: UnitReporter;
}

/**
 * Waits in one request for all units; a line for each as it gets there.
 * @returns how many did
 * @throws {OperationError} when not all did; each has been told
 * @throws {InterruptedError}
 */
export async function waitForUnits(client: ApiClient, tell: Tell, plan: WaitPlan): Promise<number> {
  const { units, until, machines = null, afterRevision, limitMs } = plan;
  if (units.length === 0) return 0;
  const state = { done: 0, failed: 0, pending: 0, lastSaid: '', lastSaidAt: Date.now() };
  const isInterrupted = await untilInterrupted(async (signal) => {
    const request = { units, until, machines, afterRevision, timeoutMs: limitMs };
    for await (const line of client.wait(request, signal)) {
      showLine(line, plan, { ...tell, state });
    }
  });
  tell.terminal.progress(null);
  if (isInterrupted) throw new InterruptedError('interrupted; what was asked for goes on');
  const left = state.failed + state.pending;
  if (left === 0) return state.done;
  const what = `${left} of ${units.length} ${units.length === 1 ? 'unit' : 'units'}`;
  throw new OperationError(`${what} did not become ${until === 'absent' ? 'destroyed' : until}`);
}

interface Progress extends Tell {
  readonly state: {
    done: number;
    failed: number;
    pending: number;
    lastSaid: string;
    lastSaidAt: number;
  };
}

function showLine(line: WaitLine, plan: WaitPlan, progress: Progress): void {
  const { terminal, reporter, state } = progress;
  switch (line.type) {
    case 'done':
      state.done += 1;
      reporter.done(remarked(line, plan), plan.until);
      break;
    case 'failed':
      state.failed += 1;
      reporter.failed(line, plan.until);
      break;
    case 'waiting':
      sayWaiting(line, progress);
      break;
    case 'end':
      state.pending = line.pending.length;
      reporter.timedOut(line.pending, plan.until);
      break;
    case 'error':
      throw new OperationError(line.message);
  }
  if (line.type !== 'done' && line.type !== 'failed') return;
  const ended = state.done + state.failed;
  if (ended < plan.units.length) terminal.progress(`${ended} of ${plan.units.length} units ...`);
}

/** The line with what there is to say of a unit that nothing was done with. */
function remarked<T extends Extract<WaitLine, { type: 'done' }>>(line: T, plan: WaitPlan): T {
  if (!line.hasEnded || plan.untouched?.has(line.unit) !== true) return line;
  const notes = [
    ...(line.note === null ? [] : [line.note]),
    'it has run already; restart runs it again',
  ];
  return { ...line, note: notes.join('; ') };
}

function sayWaiting(
  { pending, examples }: Extract<WaitLine, { type: 'waiting' }>,
  { terminal, state }: Progress,
): void {
  const [first] = examples;
  if (first === undefined) return;
  const others = pending === 1 ? '' : ` and ${pending - 1} more`;
  const text = `waiting for ${first.unit}${others}: ${first.why}`;
  if (terminal.isLive) return terminal.progress(text);
  const restMs = text === state.lastSaid ? unchangedMs : quietMs;
  if (Date.now() - state.lastSaidAt < restMs) return;
  state.lastSaid = text;
  state.lastSaidAt = Date.now();
  terminal.complain(text);
}
