import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Order } from './simulator.ts';

/** A process of simulated machines. */
export class SimulatorProcess {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  /** @param profileIn - a directory for a profile of what it did; null: none is made */
  constructor(profileIn: string | null) {
    const profiling = profileIn === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileIn}`];
    const program = join(__dirname, 'main.js');
    this.#child = fork(program, ['--simulator'], { execArgv: profiling });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One order after the other. @returns what the starts took that were asked for */
  tell(order: Order): Promise<readonly number[]> {
    const told = this.#last.then(() => this.#tell(order));
    this.#last = told.catch(() => undefined);
    return told;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #tell(order: Order): Promise<readonly number[]> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const over = (): void => reject(new Error('a process of simulated machines has ended'));
      child.once('exit', over);
      child.once('message', (answer: Answer) => {
        child.off('exit', over);
        if (answer.type === 'done') resolve(answer.starts);
        else reject(new Error(answer.message));
      });
      child.send(order);
    });
  }
}

/** What a process has used so far. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

const ticksPerSecond = 100;

/** @throws when there is no such process */
export function usageOf(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  // The fields after the command's name, which is in brackets: utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rssKb = Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? Number.NaN);
  return { cpuMs: (ticks * 1000) / ticksPerSecond, rssMb: rssKb / 1024 };
}
