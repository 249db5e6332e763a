import { readFile } from 'node:fs/promises';
import { errorCode } from './error-code.ts';

/** One process for ever: pids are used again, a start time within a boot is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of proc_pid_stat(5). */
  readonly startTicks: number;
}

/** null: there is no such process, or it has ended and only waits for its parent to notice. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | null> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ESRCH: it ended between open and read.
    if (['ENOENT', 'ESRCH'].includes(errorCode(error))) return null;
    throw error;
  }
  // The name in field 2 may contain blanks and brackets: count from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = Number(fields[19]);
  if (state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return null;
  return { pid, startTicks };
}

export async function isRunning(process: ProcessIdentity): Promise<boolean> {
  const found = await identifyProcess(process.pid);
  return found !== null && found.startTicks === process.startTicks;
}
