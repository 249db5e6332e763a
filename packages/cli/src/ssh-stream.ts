import type { ChildProcessByStdio } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Readable, Writable } from 'node:stream';

export type SshProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** Longest text of standard error, or before the answer, that is kept. */
const maxNoise = 16 * 1024;

/** With ControlPersist an ssh of some versions stays in the background and keeps standard error. */
const stragglerMs = 200;

/**
 * What an ssh process carries between its standard input and output. It ends when ssh has ended,
 * with an error in one sentence when that was not in order; destroying it ends ssh.
 */
export class SshStream extends Duplex {
  readonly #child: SshProcess;
  #complaint = '';
  /** What came before the answer began; null: it has. */
  #before: Buffer | null;
  #idleMs = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param skipTo - what the answer begins with, at the beginning of a line: a login may print before it */
  constructor(child: SshProcess, { skipTo }: { readonly skipTo: string | null }) {
    super();
    this.#child = child;
    this.#before = skipTo === null ? null : Buffer.alloc(0);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-maxNoise);
    });
    child.stdout.on('data', (piece: Buffer) => this.#take(piece, skipTo ?? ''));
    // That nobody reads it any more is explained when ssh has ended.
    child.stdin.on('error', () => {});
    child.once('error', (error: NodeJS.ErrnoException) => {
      this.destroy(new Error(error.code === 'ENOENT' ? noProgram : error.message));
    });
    this.#awaitEnd(child);
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(piece: Buffer, _: BufferEncoding, done: () => void): void {
    this.#touch();
    this.#child.stdin.write(piece, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    endSsh(this.#child);
    done(error);
  }

  /** As a socket has it: `timeout` is emitted after silence of this length; 0: never. */
  setTimeout(ms: number): this {
    this.#idleMs = ms;
    this.#touch();
    return this;
  }

  /** As a socket has it; an ssh process keeps this program running anyway. */
  ref(): this {
    return this;
  }

  /** Not the end of its output is the end, but that of ssh: what came of it is known only then. */
  #awaitEnd(child: SshProcess): void {
    let patience: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      patience = setTimeout(() => child.stderr.destroy(), stragglerMs);
    });
    child.once('close', (status) => {
      clearTimeout(patience);
      this.#end(status);
    });
  }

  #touch(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleMs === 0 || this.destroyed) return;
    this.#idleTimer = setTimeout(() => this.emit('timeout'), this.#idleMs);
  }

  #take(piece: Buffer, skipTo: string): void {
    this.#touch();
    if (this.#before === null) return this.#forward(piece);
    const all = Buffer.concat([this.#before, piece]);
    const start = startOf(skipTo, all);
    if (start !== null) {
      this.#before = null;
      this.#forward(all.subarray(start));
    } else if (all.length > maxNoise) {
      this.destroy(new Error(`it answers with something else: ${firstLine(all)}`));
    } else {
      this.#before = all;
    }
  }

  #forward(piece: Buffer): void {
    if (!this.push(piece)) this.#child.stdout.pause();
  }

  #end(status: number | null): void {
    const silent = this.#before !== null;
    if (status === 0 && !silent) this.push(null);
    else this.destroy(new Error(explainEnd(status, this.#complaint, firstLine(this.#before))));
  }
}

/** Nothing when it has not been started: to end that may send a signal to our whole process group. */
export function endSsh(child: SshProcess): void {
  if (child.pid !== undefined) child.kill();
}

const noProgram = 'there is no program ssh in PATH';

/** Where the text begins in the bytes, at the beginning of a line; null: nowhere. */
function startOf(text: string, bytes: Buffer): number | null {
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
    if (at === 0 || bytes[at - 1] === 0x0a) return at;
  }
  return null;
}

function firstLine(bytes: Buffer | null): string {
  const lines = (bytes ?? '').toString('utf8').split('\n');
  return (lines.find((line) => line.trim() !== '') ?? '').trim().slice(0, 200);
}

/**
 * Why ssh has ended, from the last line that it or what it ran there complained with.
 * @param printed - what came instead of an answer
 */
function explainEnd(status: number | null, complaint: string, printed: string): string {
  const lines = complaint.split(/\r?\n/).map((line) => line.trim());
  const reason = lines.findLast((line) => line !== '' && !remark.test(line));
  if (reason !== undefined) {
    const bare = reason.replace(preamble, '').replace(/\.$/, '');
    return bare.startsWith('Host key verification failed')
      ? `${bare}: connect with ssh once to see more`
      : bare;
  }
  if (printed !== '') return `it says "${printed}"`;
  const how = status === null ? 'a signal' : `status ${status}`;
  return status === 0 ? 'ssh ended before there was an answer' : `ssh ended with ${how}`;
}

const remark =
  /^(?:Warning: Permanently added |Killed by signal |debug\d: |stdio forwarding failed)/;
const preamble = /^(?:ssh: |channel \d+: open failed: |error: |cannot reach musterd at \S+: )+/;
