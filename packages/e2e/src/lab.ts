import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { resolve } from 'node:path';

const wakeEveryMs = 1_000;

/** A command and what came of it. `status` is null when a signal ended it. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface UpOptions {
  /** Members of etcd; 0: none, and no musterd. Default 1. */
  readonly etcd?: 0 | 1 | 3 | 5;
  /** Host names, ids and addresses of the machines are those of a lab of this name. Default: its own. */
  readonly as?: string;
  /** false: machines without musterd. Default true. */
  readonly musterd?: boolean;
  /** Environment of every musterd, e.g. `{ MUSTER_MACHINE_TTL: '4s' }`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One way of a cable. */
export type CableWay = 'in' | 'out';

type PowerState = 'off' | 'booting' | 'running';

export interface LabStatus {
  readonly name: string;
  /** false: there is no such lab, or its `up` has not ended. */
  readonly stands: boolean;
  /** Of etcd, reachable in the lab's network. */
  readonly endpoints: readonly string[];
  readonly machines: readonly MachineStatus[];
  readonly etcd: readonly {
    readonly member: number;
    readonly address: string;
    readonly state: PowerState;
    readonly pid: number | null;
    readonly cut: boolean;
  }[];
}

export interface MachineStatus {
  /** 1, 2, … */
  readonly machine: number;
  /** Its host name. */
  readonly name: string;
  /** Its machine-id. */
  readonly id: string;
  readonly address: string;
  /** Where its musterd answers, on this system. */
  readonly socket: string;
  readonly state: PowerState;
  /** Of its init, as this system numbers it; null when it is off. */
  readonly pid: number | null;
  readonly cut: boolean;
}

/** What a probe saw; `done` ends the waiting with `value`. */
export type Probed<T> =
  { readonly done: true; readonly value: T } | { readonly done: false; readonly saw: string };

const repository = resolve(__dirname, '../../..');
const probeEveryMs = 50;

/** A name for a lab of this test run that no other run uses. `suffix` tells two labs of one run apart. */
export function testLabName(suffix = 'a'): string {
  return `${process.env['TEST_LAB_NAME'] ?? `test-${process.pid}`}-${suffix}`;
}

/** Drives `scripts/lab`. Methods throw with the command and its output when it fails. */
export class Lab {
  readonly name: string;

  constructor(name = testLabName()) {
    this.name = name;
  }

  /** Boots machines 1 to `machines`; returns when each system bus answers. Clears leftovers first. */
  async up(machines: number, options: UpOptions = {}): Promise<void> {
    const { etcd = 1, musterd = true, env = {}, as } = options;
    const args = etcd === 0 ? ['--no-etcd'] : ['--etcd', String(etcd)];
    if (!musterd) args.push('--no-musterd');
    if (as !== undefined) args.push('--as', as);
    for (const [key, value] of Object.entries(env)) args.push('--env', `${key}=${value}`);
    await this.#lab(['up', String(machines), ...args]);
  }

  /** Takes everything of this lab away, also what an interrupted `up` left. */
  async down(): Promise<void> {
    await this.#lab(['down']);
  }

  async status(): Promise<LabStatus> {
    const status: LabStatus = JSON.parse(await this.#lab(['status', '--json']));
    return status;
  }

  /** @throws when this lab has no such machine */
  async machine(machine: number): Promise<MachineStatus> {
    const found = (await this.status()).machines.find((each) => each.machine === machine);
    if (found === undefined) throw new Error(`lab ${this.name} has no machine ${machine}`);
    return found;
  }

  /** Runs a shell command as root in the machine. @returns its standard output, trimmed */
  async sh(machine: number, command: string): Promise<string> {
    return (await this.#lab(['sh', String(machine), 'sh', '-c', command])).trim();
  }

  /** As `sh`, for commands that may fail. `stdin` is what the command reads. */
  async try(machine: number, command: string, stdin = ''): Promise<Ran> {
    return run('scripts/lab', ['--name', this.name, 'sh', String(machine), 'sh', '-c', command], {
      stdin,
    });
  }

  /** Runs this system's `command` in the lab's network, where etcd and the machines can be reached. */
  async net(...command: readonly string[]): Promise<string> {
    return (await this.#lab(['net', ...command])).trim();
  }

  /** Power cut: no connection is closed in order, no process gets to do anything. */
  async kill(machine: number): Promise<void> {
    await this.#lab(['kill', String(machine)]);
  }

  /** After `kill` or a poweroff: same disk, empty /run. Returns when the system bus answers. */
  async boot(machine: number): Promise<void> {
    await this.#lab(['boot', String(machine)]);
  }

  /** @param way - `in`: nothing reaches the machine any more; `out`: nothing leaves it; absent: both */
  async cut(machine: number, way?: CableWay): Promise<void> {
    await this.#lab(['cut', String(machine), ...wayArgs(way)]);
  }

  async mend(machine: number): Promise<void> {
    await this.#lab(['mend', String(machine)]);
  }

  /** @param way - for `cut`: as of a machine */
  async etcd(
    what: 'kill' | 'stop' | 'start' | 'hang' | 'resume' | 'cut' | 'mend',
    member = 1,
    way?: CableWay,
  ): Promise<void> {
    await this.#lab(['etcd', what, String(member), ...wayArgs(way)]);
  }

  /** Path on this system of the unix socket that the machine's musterd serves. */
  async socket(machine: number): Promise<string> {
    return (await this.#lab(['socket', String(machine)])).trim();
  }

  /** Runs musterctl of this checkout against machine `via`. `env` is added to the environment. */
  async musterctl(
    args: readonly string[],
    via = 1,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ran> {
    const endpoint = `unix:${await this.socket(via)}`;
    const command = ['dist/musterctl.cjs', '--endpoint', endpoint, ...args];
    return run(process.execPath, command, { env });
  }

  /**
   * Starts the lab's relays, which take lines of JSON from their standard input (scripts/lab.d/relay.mjs)
   * and answer each with one; they end with that input.
   */
  relay(): ChildProcessWithoutNullStreams {
    return spawn('scripts/lab', ['--name', this.name, 'relay'], { cwd: repository });
  }

  async #lab(args: readonly string[]): Promise<string> {
    const ran = await run('scripts/lab', ['--name', this.name, ...args]);
    if (ran.status === 0) return ran.stdout;
    throw new Error(
      `scripts/lab --name ${this.name} ${args.join(' ')} ended with ${ran.status}:\n${ran.stdout}${ran.stderr}`,
    );
  }
}

/**
 * Asks again and again until `probe` is done; a probe that throws counts as "not yet".
 * @throws after `timeoutMs`, saying what was waited for and the last thing seen
 */
export async function waitFor<T>(
  description: string,
  probe: () => Promise<Probed<T>>,
  timeoutMs: number,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const probed = await probe().catch((error: unknown): Probed<T> => ({
      done: false,
      saw: String(error),
    }));
    if (probed.done) return probed.value;
    if (performance.now() > end) {
      throw new Error(
        `waited ${timeoutMs} ms for ${description}; the last thing seen: ${probed.saw}`,
      );
    }
    await pause(probeEveryMs);
  }
}

function wayArgs(way: CableWay | undefined): string[] {
  return way === undefined ? [] : [`--${way}`];
}

function run(
  command: string,
  args: readonly string[],
  { stdin = '', env = {} }: { stdin?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  return new Promise((resolveRan, reject) => {
    const { NODE_EXTRA_CA_CERTS: _, ...own } = process.env;
    const child = spawn(command, args, { cwd: repository, env: { ...own, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A machine that shuts down stops everything in it, and nsenter itself with what it has started
    // there: killed then, that would be waited for without end, and the machine's kernel would as well.
    const waking = setInterval(() => child.kill('SIGCONT'), wakeEveryMs);
    child.on('error', (error) => {
      clearInterval(waking);
      reject(error);
    });
    child.on('close', (status) => {
      clearInterval(waking);
      resolveRan({ status, stdout, stderr });
    });
    // A command that does not read its input may be gone before it is written.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') reject(error);
    });
    child.stdin.end(stdin);
  });
}
