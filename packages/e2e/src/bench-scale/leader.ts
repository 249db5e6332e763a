import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createApiClient } from '@muster/api/client';
import type { ApiClient } from '@muster/api/client';
import { waitFor } from '../lab.ts';
import { usageOf } from './processes.ts';
import type { ProcessUsage } from './processes.ts';
import { fetchMetrics } from './prometheus.ts';
import type { Samples } from './prometheus.ts';

const repository = resolve(__dirname, '../../../..');

export interface LeaderOptions {
  /** Of its own: configuration, state, socket and log are there. */
  readonly directory: string;
  readonly endpoint: string;
  readonly prefix: string;
  /** Of the machines it leads. */
  readonly ttlSeconds: number;
  /** A directory for a profile of what it did; null: none is made. */
  readonly profileIn: string | null;
}

/** A real musterd that schedules and answers, and runs no units; a process as its service file starts it. */
export class Leader {
  readonly socket: string;
  readonly api: ApiClient;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(
    child: ChildProcess,
    { socket, logFile }: { socket: string; logFile: string },
  ) {
    this.#child = child;
    this.#logFile = logFile;
    this.socket = socket;
    this.api = createApiClient({ endpoint: `unix:${socket}`, timeoutMs: 60_000 });
  }

  /** Resolves when it leads. */
  static async start({
    directory,
    endpoint,
    prefix,
    ttlSeconds,
    profileIn,
  }: LeaderOptions): Promise<Leader> {
    mkdirSync(directory, { recursive: true });
    const config = join(directory, 'musterd.yaml');
    const logFile = join(directory, 'musterd.log');
    const lines = [
      `etcd: { endpoints: ["${endpoint}"], prefix: ${prefix} }`,
      `machine: { ttl: ${ttlSeconds}s }`,
      'agent: { enabled: false }',
      'log: { level: warn }',
      `state: ${directory}/state`,
      `runtime: ${directory}/run`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const profiling = profileIn === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileIn}`];
    const flags = [...serviceFlags(), ...profiling];
    const output = openSync(logFile, 'w');
    const child = spawn(
      process.execPath,
      [...flags, join(repository, 'dist/musterd.cjs'), '--config', config],
      { cwd: directory, env: { MALLOC_ARENA_MAX: '1' }, stdio: ['ignore', output, output] },
    );
    const leader = new Leader(child, { socket: join(directory, 'run/muster.sock'), logFile });
    try {
      await leader.#untilItLeads();
    } catch (error) {
      await leader.stop();
      throw error;
    }
    return leader;
  }

  /** What it has used so far. @throws with the end of its log when it has ended */
  usage(): ProcessUsage {
    this.#assertRuns();
    return usageOf(this.#child.pid ?? 0);
  }

  metrics(): Promise<Samples> {
    this.#assertRuns();
    return fetchMetrics(this.socket);
  }

  async stop(): Promise<void> {
    if (this.#hasEnded()) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  #untilItLeads(): Promise<void> {
    return waitFor(
      'musterd to lead',
      async () => {
        this.#assertRuns();
        const { leader } = await this.api.cluster();
        return leader === null
          ? { done: false, saw: 'no leader' }
          : { done: true, value: undefined };
      },
      120_000,
    );
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #assertRuns(): void {
    if (!this.#hasEnded()) return;
    const how = this.#child.signalCode ?? `status ${this.#child.exitCode}`;
    const log = readFileSync(this.#logFile, 'utf8').slice(-4000);
    throw new Error(`musterd has ended with ${how}; its log ends with:\n${log}`);
  }
}

/** The flags of Node in the service file. */
function serviceFlags(): string[] {
  const file = readFileSync(join(repository, 'packages/daemon/musterd.service'), 'utf8');
  const command = /^ExecStart=\S+(.*)$/m.exec(file)?.[1] ?? '';
  return command.split(' ').filter((word) => word.startsWith('--'));
}
