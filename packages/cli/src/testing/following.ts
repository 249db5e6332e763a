import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { clock } from './cli-cluster.ts';
import type { CliCluster } from './cli-cluster.ts';

/** musterctl as a process that goes on until Ctrl-C, and what it has written so far. */
export class Following {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #isOnTerminal: boolean;
  readonly #ended: Promise<number | null>;
  out = '';
  err = '';

  /** @param isOnTerminal - on a pseudo-terminal, where `out` has both streams */
  constructor(cli: CliCluster, args: readonly string[], isOnTerminal = false) {
    const words = [process.execPath, cli.program('musterctl'), ...args];
    const typed = words.map((word) => `'${word}'`).join(' ');
    const command = isOnTerminal
      ? ['script', '--quiet', '--return', '--command', `exec ${typed}`, '/dev/null']
      : words;
    const env = { PATH: process.env['PATH'], MUSTER_ENDPOINT: cli.socket, TERM: 'xterm' };
    this.#isOnTerminal = isOnTerminal;
    this.#child = spawn(command[0] ?? '', command.slice(1), { env, stdio: 'pipe' });
    this.#child.stdout.on('data', (piece: Buffer) => (this.out += piece.toString()));
    this.#child.stderr.on('data', (piece: Buffer) => (this.err += piece.toString()));
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
  }

  /** Resolves when it has written this. @throws when it ended without */
  async until(what: string): Promise<void> {
    while (!(this.out + this.err).includes(what)) {
      if (this.#child.exitCode !== null) {
        throw new Error(`it ended without "${what}": ${this.out}${this.err}`);
      }
      await clock.sleep(5, new AbortController().signal);
    }
  }

  /** Ctrl-C. @returns its exit status */
  interrupt(): Promise<number | null> {
    if (this.#isOnTerminal) this.#child.stdin.write('\x03');
    else this.#child.kill('SIGINT');
    return this.#ended;
  }
}
