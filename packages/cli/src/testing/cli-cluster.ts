import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApiServer, createForwarder } from '@muster/api';
import type { ApiServer } from '@muster/api';
import type { Clock, Inspector } from '@muster/core';
import { buildSync } from 'esbuild';
import { PlacedCluster } from '../../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../../scheduler/src/explainer.ts';
import type { ProgramName } from '../program-name.ts';

export const m1 = `1234abcd${'1'.repeat(24)}`;
export const m2 = `5678abcd${'2'.repeat(24)}`;
/** Bytes. */
const mostOutput = 16 * 1024 ** 2;

export const simple = '[Service]\nExecStart=/bin/sleep 1\n';

export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    }),
};
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const inspectorOf = (actives: ReadonlyMap<string, string>): Inspector => ({
  status: async (unit) => `● ${unit}\n   Active: ${actives.get(unit) ?? 'active (running)'}\n`,
  use: async (units) =>
    units.map((unit) => ({ unit, memoryBytes: 3 * 1024 ** 2, cpuNs: 0, tasks: 2 })),
  journal: async function* (unit, query, signal) {
    yield Buffer.from(`${unit} ${JSON.stringify(query)}\n`);
    if (query.follow) await clock.sleep(60_000, signal);
  },
});

/** What a process left behind. */
export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/**
 * musterctl as processes, bundled as it is shipped, against the API of a cluster in memory with two
 * machines. A cluster, a server and a working directory for each test.
 */
export class CliCluster {
  readonly cluster = new PlacedCluster();
  readonly dir: string;
  /** As --endpoint takes it. */
  readonly socket: string;
  /** Of the first machine. */
  server: ApiServer;
  /** unit → what its status says after `Active:`; `active (running)` where nothing is said here */
  readonly actives = new Map<string, string>();
  readonly #bin: string;

  private constructor(home: string) {
    this.#bin = home;
    this.dir = mkdtempSync(path.join(home, 'case-'));
    this.socket = `unix:${path.join(this.dir, 'muster.sock')}`;
    this.server = this.createServer(m1);
  }

  /** Bundles the programs. @returns the directory they are in, which the caller removes */
  static build(): string {
    const home = mkdtempSync(path.join(tmpdir(), 'muster-cli-'));
    buildSync({
      entryPoints: [path.join(__dirname, '../main.ts')],
      outfile: path.join(home, 'musterctl.cjs'),
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      conditions: ['source'],
      keepNames: true,
      define: { MUSTER_VERSION: '"1.2.3"' },
    });
    symlinkSync('musterctl.cjs', path.join(home, 'fleetctl'));
    return home;
  }

  static async open(home: string): Promise<CliCluster> {
    const opened = new CliCluster(home);
    const { cluster } = opened;
    cluster.behaviour = (_, file) => {
      if (file.includes('/bin/false')) return 'fails';
      if (file.includes('/bin/true')) return 'finishes';
      return file.includes('nowhere') ? 'is-unplaced' : 'runs';
    };
    cluster.addMachine(m1, '10.0.0.1', { metadata: { region: 'eu', disk: 'ssd' } });
    cluster.addMachine(m2, '10.0.0.2');
    await opened.server.listen([opened.socket]);
    return opened;
  }

  /** The API of a machine. @param inspector - what it says of its systemd and its journal */
  createServer(machineId: string, inspector: Inspector = inspectorOf(this.actives)): ApiServer {
    return createApiServer({
      units: this.cluster.units,
      explainer: createExplainer(),
      inspector,
      self: { machineId, hostname: 'box', version: '1.2.3' },
      ownUnits: () => ['a.service', 'b.service'],
      standing: () => `Machine ${machineId.slice(0, 8)}: as it stands`,
      clock,
      log,
      forward: createForwarder(null),
    });
  }

  /** musterd of the first machine is started again, after `meanwhile`. */
  async restartServer(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.server.close();
    await meanwhile();
    this.server = this.createServer(m1);
    await this.server.listen([this.socket]);
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.cluster.close();
  }

  musterctl(...args: string[]): Promise<Ended> {
    return this.run('musterctl', args, { MUSTER_ENDPOINT: this.socket });
  }

  fleetctl(...args: string[]): Promise<Ended> {
    return this.run('fleetctl', args, { FLEETCTL_ENDPOINT: this.socket });
  }

  /** In the working directory of the test. @param environment - besides PATH and a name for the user */
  run(
    program: ProgramName,
    args: readonly string[],
    environment: Record<string, string>,
  ): Promise<Ended> {
    const env = { PATH: process.env['PATH'], SUDO_USER: 'tester', ...environment };
    const command = [this.program(program), ...args];
    const options = { cwd: this.dir, env, maxBuffer: mostOutput };
    return new Promise((resolve, reject) => {
      execFile(process.execPath, command, options, (error, out, err) => {
        if (typeof error?.code === 'string') reject(error);
        else resolve({ status: error?.code ?? 0, out, err });
      });
    });
  }

  /** As `run`, on a pseudo-terminal, where `typed` is typed. @returns all that was written on it; lines end in `\r\n` */
  onTerminal(
    program: ProgramName,
    args: readonly string[],
    environment: Record<string, string>,
    typed = '',
  ): Promise<string> {
    const env = { PATH: process.env['PATH'], MUSTER_ENDPOINT: this.socket, ...environment };
    const words = [process.execPath, this.program(program), ...args];
    const command = words.map((word) => `'${word}'`).join(' ');
    return new Promise((resolve, reject) => {
      const child = execFile(
        'script',
        ['--quiet', '--return', '--command', command, '/dev/null'],
        { cwd: this.dir, env },
        (error, out) => {
          if (error !== null && typeof error.code !== 'number') reject(error);
          else resolve(out);
        },
      );
      // An end of input would be typed on the terminal as ^D.
      child.stdin?.on('error', () => {});
      if (typed !== '') child.stdin?.write(typed);
    });
  }

  program(name: ProgramName): string {
    return path.join(this.#bin, name === 'musterctl' ? 'musterctl.cjs' : 'fleetctl');
  }

  /** Writes a file below the working directory. @returns its name */
  unitFile(name: string, text: string): string {
    mkdirSync(path.dirname(path.join(this.dir, name)), { recursive: true });
    writeFileSync(path.join(this.dir, name), text);
    return name;
  }
}

/** Registers what builds, opens and closes; the returned function gives the cluster of the test that runs. */
export function useCliCluster(): () => CliCluster {
  let home: string;
  let opened: CliCluster;
  beforeAll(() => {
    home = CliCluster.build();
  });
  beforeEach(async () => {
    opened = await CliCluster.open(home);
  });
  afterEach(() => opened.close());
  afterAll(() => rmSync(home, { recursive: true }));
  return () => opened;
}
