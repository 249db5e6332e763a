import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Environment } from './config-sources.ts';

const repository = resolve(__dirname, '../../..');
const patienceMs = 15_000;

/**
 * For tests: makes musterd from these sources.
 * @returns path of a script, in `directory`, that needs this checkout's node_modules
 */
export function bundleMusterd(directory: string): string {
  const script = join(directory, 'musterd.cjs');
  const esbuild = require.resolve('esbuild/bin/esbuild');
  const external = ['etcd3', 'usocket', 'x11'].map((name) => `--external:${name}`);
  const args = ['--bundle', '--platform=node', '--conditions=source', '--log-level=warning'];
  execFileSync(esbuild, [join(__dirname, 'main.ts'), ...args, ...external, `--outfile=${script}`]);
  return script;
}

/** For tests: a port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return address.port;
}

export interface TestDaemonOptions {
  /** Of `bundleMusterd`. */
  readonly script: string;
  /** An empty directory: its configuration, state and runtime directory are there. */
  readonly directory: string;
  readonly env: Environment;
  readonly args?: readonly string[];
  /** Runs musterd; default: directly. */
  readonly command?: readonly string[];
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** For tests: a real musterd as a process of its own. */
export class TestDaemon {
  readonly socket: string;
  readonly lines: LogLine[] = [];
  readonly #options: TestDaemonOptions;
  #child: ChildProcess | null = null;
  #stderr = '';
  #onLine: () => void = () => undefined;

  constructor(options: TestDaemonOptions) {
    this.#options = options;
    this.socket = join(options.directory, 'run/muster.sock');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Writes its configuration file; state and runtime are added. */
  configure(yaml: string): void {
    const { directory } = this.#options;
    const own = `state: ${directory}/state\nruntime: ${directory}/run\n`;
    writeFileSync(join(directory, 'musterd.yaml'), `${own}${yaml}\n`);
  }

  /** Resolves when it says that it runs. */
  async start(): Promise<void> {
    this.launch();
    await this.says((line) => line.msg === 'musterd runs');
  }

  launch(): void {
    const { script, directory, env, args = [], command = [] } = this.#options;
    const [program, ...rest] = [...command, process.execPath, script];
    const config = ['--config', join(directory, 'musterd.yaml')];
    const child = spawn(program, [...rest, ...config, ...args], {
      env: { ...env, NODE_PATH: join(repository, 'node_modules') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.on('data', (piece: Buffer) => (this.#stderr += piece.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line));
      this.#onLine();
    });
  }

  /** Waits for a line of its log, from line number `from` on. @returns the number after it */
  async says(isIt: (line: LogLine) => boolean, from = 0): Promise<number> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const found = this.lines.findIndex((line, i) => i >= from && isIt(line));
      if (found >= 0) return found + 1;
      const child = this.#child;
      const isOver = child?.exitCode !== null || performance.now() > end;
      if (isOver) throw new Error(`it did not say that; it said:\n${this.#everything()}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 100);
        this.#onLine = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  /** Asks for a reload and waits until it is over. @returns what it said of it */
  async reload(): Promise<readonly LogLine[]> {
    const from = this.lines.length;
    this.signal('SIGHUP');
    const to = await this.says(
      ({ msg }) => /^the configuration was (not )?reloaded/.test(msg),
      from,
    );
    // Parts of the daemon say things of their own meanwhile.
    return this.lines.slice(from, to).filter((line) => line['component'] === undefined);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** @returns its exit status; null: a signal ended it */
  async exit(): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    return child.exitCode;
  }

  /** Stops it in order, or at once when it does not want to. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const kill = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    child.kill('SIGTERM');
    await this.exit();
    clearTimeout(kill);
  }

  /** What it answers. @param where - absent: its own unix socket */
  get(path: string, where: object = { socketPath: this.socket }): Promise<string> {
    return new Promise((done, fail) => {
      const asked = request({ ...where, path, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('end', () => done(text)).on('error', fail);
      });
      asked.on('error', fail).end();
    });
  }

  #everything(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n') + this.#stderr;
  }
}
