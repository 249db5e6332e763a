import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from './evidence.ts';
import type { Process } from './evidence.ts';
import { namePrefix } from './units.ts';

const everyMs = 100;
/** Of the times in /proc/PID/stat. */
const ticksPerSecond = 100;

type Seen = { -readonly [Key in keyof Process]: Process[Key] };

/**
 * Watches the main processes of the run's units on all machines of a lab, from this system's /proc
 * and cgroups: nothing inside a machine is asked, so it sees them through every cut and hang.
 */
export class Observer {
  readonly #lab: string;
  readonly #machines: number;
  /** `PID START` → what is known of the process */
  readonly #processes = new Map<string, Seen>();
  /** Those that are there. */
  readonly #alive = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param machines - how many the lab has */
  constructor(lab: string, machines: number) {
    this.#lab = lab;
    this.#machines = machines;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Looks once more and stops. */
  stop(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  /** All that were ever there, in the order in which they were seen first. */
  processes(): readonly Process[] {
    return [...this.#processes.values()].map((process) => ({ ...process }));
  }

  /** Those that are there now. */
  alive(): readonly Process[] {
    this.#look();
    return this.processes().filter(({ goneAt }) => goneAt === null);
  }

  #look(): void {
    const found = new Set<string>();
    for (let machine = 1; machine <= this.#machines; machine += 1) {
      for (const { unit, directory } of this.#unitsOf(machine)) {
        for (const pid of pidsIn(directory)) this.#note({ unit, machine, pid, found });
      }
    }
    const now = monotonicMs();
    for (const id of this.#alive) {
      const process = this.#processes.get(id);
      if (process === undefined || found.has(id)) continue;
      process.goneAt = now;
      this.#alive.delete(id);
    }
  }

  #note({
    unit,
    machine,
    pid,
    found,
  }: {
    unit: string;
    machine: number;
    pid: number;
    found: Set<string>;
  }): void {
    const stat = readStat(pid);
    // Only what systemd started itself is a main process.
    if (stat === null || stat.innerParent !== 1) return;
    const id = `${pid} ${stat.startedAt}`;
    found.add(id);
    const seenAt = monotonicMs();
    const known = this.#processes.get(id);
    if (known !== undefined) {
      known.seenAt = seenAt;
      return;
    }
    const { startedAt, innerPid } = stat;
    this.#alive.add(id);
    this.#processes.set(id, { unit, machine, pid, innerPid, startedAt, seenAt, goneAt: null });
  }

  /** The run's units that have a cgroup on a machine. */
  #unitsOf(machine: number): { unit: string; directory: string }[] {
    const top = `/sys/fs/cgroup/systemd/muster-lab-${this.#lab}/m${machine}`;
    return [join(top, 'payload/system.slice'), join(top, 'system.slice')].flatMap(unitsBelow);
  }
}

function unitsBelow(directory: string): { unit: string; directory: string }[] {
  return namesIn(directory).flatMap((name) => {
    const path = join(directory, name);
    // Instances are in a slice of their template.
    if (name.endsWith('.slice')) return unitsBelow(path);
    const isOurs = name.startsWith(namePrefix) && name.endsWith('.service');
    return isOurs ? [{ unit: name, directory: path }] : [];
  });
}

function namesIn(directory: string): readonly string[] {
  return ifThere(() => readdirSync(directory)) ?? [];
}

function pidsIn(directory: string): readonly number[] {
  const text = ifThere(() => readFileSync(join(directory, 'cgroup.procs'), 'utf8')) ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

interface Stat {
  readonly startedAt: number;
  /** Number of the process inside its machine. */
  readonly innerPid: number;
  readonly innerParent: number;
}

/** null: it has ended, is a zombie, or is not in a machine. */
function readStat(pid: number): Stat | null {
  const stat = ifThere(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const status = ifThere(() => readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (stat === null || status === null) return null;
  // The fields after the command's name, which is in brackets: state, parent, …; start time is the 20th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const innerPid = innerNumber(status);
  if (innerPid === null) return null;
  const parent = ifThere(() => readFileSync(`/proc/${fields[1]}/status`, 'utf8')) ?? '';
  const startedAt = (Number(fields[19]) * 1000) / ticksPerSecond;
  return { startedAt, innerPid, innerParent: innerNumber(parent) ?? 0 };
}

/** null: this system's own numbers are its only ones. */
function innerNumber(status: string): number | null {
  const numbers = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return numbers.length < 2 ? null : Number(numbers.at(-1));
}

/** null: the file is not there, or no longer. */
function ifThere<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const code = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : null;
    if (['ENOENT', 'ESRCH', 'ENODEV', 'ENOTDIR'].includes(code)) return null;
    throw error;
  }
}
