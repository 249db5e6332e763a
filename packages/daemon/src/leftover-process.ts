import { readlink, realpath, rm } from 'node:fs/promises';
import type { Clock, Log } from '@muster/core';
import { readFileIfPresent, writeFileAtomically } from './atomic-file.ts';
import { errorCode } from './error-code.ts';
import { identifyProcess, isRunning } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Writes down which process works in a directory, for whoever comes after a crash. */
export async function recordProcess(path: string, pid: number): Promise<void> {
  const identity = await identifyProcess(pid);
  if (identity !== null) await writeFileAtomically(path, JSON.stringify(identity), 0o600);
}

/**
 * Ends the process that was recorded, if it still runs and works in `directory`: politely at
 * first, by force after 5 s. Any other process that has its pid by now is left alone.
 */
export async function endLeftover(options: {
  readonly path: string;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<void> {
  const { path, directory, clock, log } = options;
  const leftover = parseIdentity(await readFileIfPresent(path));
  if (leftover !== null && (await isRunning(leftover)) && (await worksIn(leftover, directory))) {
    log.warn({ pid: leftover.pid }, 'etcd of an earlier musterd still runs; it is ended');
    await end(leftover, clock);
  }
  await rm(path, { force: true });
}

async function end(leftover: ProcessIdentity, clock: Clock): Promise<void> {
  const never = new AbortController().signal;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const deadline = clock.monotonic() + 5000;
    try {
      process.kill(leftover.pid, signal);
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
    while (await isRunning(leftover)) {
      if (clock.monotonic() > deadline) break;
      await clock.sleep(20, never);
    }
  }
}

async function worksIn({ pid }: ProcessIdentity, directory: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(directory));
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(errorCode(error))) return false;
    throw error;
  }
}

/** null: there is none, or it cannot be read; etcd's own lock on its data still guards it. */
function parseIdentity(text: string | null): ProcessIdentity | null {
  const match = /^\{"pid":(\d+),"startTicks":(\d+)\}$/.exec(text ?? '');
  return match === null ? null : { pid: Number(match[1]), startTicks: Number(match[2]) };
}
