import type { ApiClient, WaitLine, WaitTarget } from '@muster/api/client';
import { InterruptedError, OperationError } from './errors.ts';
import { machineLegend } from './legend.ts';
import type { Terminal } from './terminal.ts';
import { untilInterrupted } from './until-interrupted.ts';

export interface WaitPlan {
  readonly units: readonly string[];
  readonly until: WaitTarget;
  readonly afterRevision: number;
  /** null: as long as it takes. */
  readonly limitMs: number | null;
}

/** Without a terminal, what is waited for is said this often. */
const quietMs = 10_000;
/** Of many units that did not get there, so many are named. */
const maxNamed = 20;

/**
 * Waits in one request for all units; a line for each as it gets there.
 * @returns how many did
 * @throws {OperationError} when not all did; each has been told
 * @throws {InterruptedError}
 */
export async function waitForUnits(
  client: ApiClient,
  terminal: Terminal,
  plan: WaitPlan,
): Promise<number> {
  const { units, until, afterRevision, limitMs } = plan;
  if (units.length === 0) return 0;
  const state = { done: 0, failed: 0, pending: 0, lastSaid: Date.now() };
  const isInterrupted = await untilInterrupted(async (signal) => {
    const request = { units, until, afterRevision, timeoutMs: limitMs };
    for await (const line of client.wait(request, signal)) {
      showLine(line, plan, { terminal, state });
    }
  });
  terminal.progress(null);
  if (isInterrupted) throw new InterruptedError('interrupted; what was asked for goes on');
  const left = state.failed + state.pending;
  if (left === 0) return state.done;
  const what = `${left} of ${units.length} ${units.length === 1 ? 'unit' : 'units'}`;
  throw new OperationError(`${what} did not become ${until === 'absent' ? 'destroyed' : until}`);
}

interface Progress {
  readonly terminal: Terminal;
  readonly state: { done: number; failed: number; pending: number; lastSaid: number };
}

function showLine(line: WaitLine, plan: WaitPlan, { terminal, state }: Progress): void {
  switch (line.type) {
    case 'done':
      state.done += 1;
      terminal.print(doneText(line, plan.until));
      break;
    case 'failed': {
      state.failed += 1;
      const where = line.machine === null ? '' : ` on ${machineLegend(line.machine, null, false)}`;
      terminal.complain(`Unit ${line.unit} did not become ${plan.until}${where}: ${line.reason}`);
      break;
    }
    case 'waiting':
      sayWaiting(line, { terminal, state });
      break;
    case 'end':
      state.pending = line.pending.length;
      for (const { unit, why } of line.pending.slice(0, maxNamed)) {
        terminal.complain(
          `timed out waiting for unit ${unit} to report state ${plan.until}: ${why}`,
        );
      }
      if (line.pending.length > maxNamed) {
        terminal.complain(`and for ${line.pending.length - maxNamed} more`);
      }
      break;
    case 'error':
      throw new OperationError(line.message);
  }
  if (line.type !== 'done' && line.type !== 'failed') return;
  const ended = state.done + state.failed;
  if (ended < plan.units.length) terminal.progress(`${ended} of ${plan.units.length} units ...`);
}

function sayWaiting(
  { pending, examples }: Extract<WaitLine, { type: 'waiting' }>,
  { terminal, state }: Progress,
): void {
  const [first] = examples;
  if (first === undefined) return;
  const others = pending === 1 ? '' : ` and ${pending - 1} more`;
  const text = `waiting for ${first.unit}${others}: ${first.why}`;
  if (terminal.isLive) terminal.progress(text);
  else if (Date.now() - state.lastSaid >= quietMs) {
    state.lastSaid = Date.now();
    terminal.complain(text);
  }
}

function doneText(
  { unit, machines, note }: Extract<WaitLine, { type: 'done' }>,
  until: WaitTarget,
): string {
  if (until === 'absent') return `Destroyed ${unit}`;
  const [first, ...others] = machines;
  const remark = note === null ? '' : ` (${note})`;
  if (first === undefined) return `Unit ${unit} ${until}${remark}`;
  const where =
    others.length > 0
      ? `${machines.length} machines`
      : machineLegend(first.id, first.address, false);
  return `Unit ${unit} ${until} on ${where}${remark}`;
}
