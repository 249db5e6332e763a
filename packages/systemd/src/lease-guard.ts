import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { earlier } from '@muster/core';
import type { LeaseDeadlines, Revision } from '@muster/core';
import { epochPath, guardName } from './bound-file.ts';
import { guardScript, guardUnit } from './guard-script.ts';

export interface LeaseGuardOptions {
  /** musterd's own, forgotten at reboot. */
  readonly directory: string;
  /** Of systemd's load path. */
  readonly unitDirectory: string;
  /** The words that call systemctl of this manager. */
  readonly systemctl: readonly string[];
}

/** What the guard of units with OnPartition=stop reads and writes; systemd runs it. */
export class LeaseGuard {
  readonly #options: LeaseGuardOptions;
  #deadlines: LeaseDeadlines | null = null;
  #isOut = false;

  constructor(options: LeaseGuardOptions) {
    this.#options = options;
  }

  /** From now on these hold; on disk only while units are bound to the lease. */
  hold(deadlines: LeaseDeadlines): void {
    this.#deadlines = deadlines;
    if (this.#isOut) this.#writeDeadlines();
  }

  /** As `hold`, but for what is earlier already. */
  limit(deadlines: LeaseDeadlines): void {
    const held = this.#deadlines ?? this.#readDeadlines();
    if (held !== null) this.hold(earlier(held, deadlines));
  }

  /** Puts everything in place that a unit needs which is bound to the lease. */
  putOut(): void {
    if (this.#isOut) return;
    const { directory, unitDirectory, systemctl } = this.#options;
    mkdirSync(join(directory, 'fenced'), { recursive: true, mode: 0o755 });
    mkdirSync(join(directory, 'epoch'), { recursive: true, mode: 0o755 });
    replaceIfOther(join(directory, 'lease-guard'), guardScript);
    replaceIfOther(join(unitDirectory, guardName), guardUnit(directory, systemctl));
    this.#isOut = true;
    this.#writeDeadlines();
  }

  /** Nothing is bound to the lease any more: the guard ends by itself, without the lease. */
  takeIn(): void {
    if (!this.#isOut) return;
    const { directory, unitDirectory } = this.#options;
    this.#isOut = false;
    for (const path of [join(unitDirectory, guardName), join(directory, 'lease')]) {
      rmSync(path, { force: true });
    }
    rmSync(join(directory, 'fenced'), { force: true, recursive: true });
    rmSync(join(directory, 'epoch'), { force: true, recursive: true });
  }

  setEpoch(unit: string, epoch: Revision): void {
    replaceIfOther(epochPath(this.#options.directory, unit), `MUSTER_EPOCH=${epoch}\n`);
  }

  noteFenced(units: readonly string[]): void {
    for (const unit of units) writeFileSync(this.#markOf(unit), '');
  }

  fenced(): ReadonlySet<string> {
    if (!this.#isOut) return new Set();
    return new Set(readdirSync(join(this.#options.directory, 'fenced')));
  }

  forgetFenced(unit: string): void {
    if (!this.#isOut) return;
    rmSync(this.#markOf(unit), { force: true });
  }

  forget(unit: string): void {
    this.forgetFenced(unit);
    rmSync(epochPath(this.#options.directory, unit), { force: true });
  }

  /** Without the file nothing bound to the lease can be started. */
  #writeDeadlines(): void {
    if (this.#deadlines === null) return;
    const { stopAt, killAt } = this.#deadlines;
    // Early by less than a hundredth rather than late.
    const hundredths = [stopAt, killAt].map((ms) => Math.max(0, Math.floor(ms / 10)));
    replace(join(this.#options.directory, 'lease'), `${hundredths.join(' ')}\n`);
  }

  /** What an earlier process wrote; null: nothing. */
  #readDeadlines(): LeaseDeadlines | null {
    const path = join(this.#options.directory, 'lease');
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return null;
    const [stopAt = 0, killAt = 0] = readFileSync(path, 'utf8')
      .split(' ')
      .map((hundredths) => Number.parseInt(hundredths, 10) * 10 || 0);
    return { stopAt, killAt };
  }

  #markOf(unit: string): string {
    return join(this.#options.directory, 'fenced', unit);
  }
}

function replaceIfOther(path: string, content: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    if (readFileSync(path, 'utf8') === content) return;
  }
  replace(path, content);
}

/** Atomic. */
function replace(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode: 0o644 });
  renameSync(temporary, path);
}
