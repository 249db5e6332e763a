import type { FileWrite, LeaseDeadlines, LoadedUnit, Revision } from '@muster/core';
import { guardName, isBound } from './bound-file.ts';
import { UnitFiles } from './files.ts';
import { LeaseGuard } from './lease-guard.ts';
import type { LeaseGuardOptions } from './lease-guard.ts';

/** Unit files of ours, and the guard of those that are bound to the lease for as long as there are any. */
export class BoundUnits {
  readonly files: UnitFiles;
  readonly #guard: LeaseGuard;
  /** Bound units that were up when the guard was seen to be up last; null: it was not, or is not now. */
  #upBefore: readonly string[] | null = null;

  constructor(options: LeaseGuardOptions) {
    this.files = new UnitFiles(options.unitDirectory, options.directory);
    this.files.prepare();
    this.#guard = new LeaseGuard(options);
  }

  /**
   * @param startGuard - resolves when the guard is up, or was refused for want of a lease: systemd
   * stops what runs as soon as it learns that it is bound to something that does not run
   */
  async write(
    name: string,
    file: { readonly hash: string; readonly text: string; readonly epoch?: Revision },
    {
      hostDirectories,
      startGuard,
    }: {
      readonly hostDirectories: readonly string[];
      readonly startGuard: () => Promise<void>;
    },
  ): Promise<FileWrite> {
    if (isBound(name, file.text)) {
      this.#guard.putOut();
      if (this.files.isUnbound(name)) await startGuard();
      this.#guard.putOut();
      this.#guard.setEpoch(name, file.epoch ?? 0);
    }
    const written = this.files.write(name, file, hostDirectories);
    this.#guardAsNeeded();
    return written;
  }

  remove(name: string): void {
    this.files.remove(name);
    this.#guard.forget(name);
    this.#guardAsNeeded();
  }

  list(): ReadonlyMap<string, string> {
    const files = this.files.list();
    this.#guardAsNeeded();
    return files;
  }

  hold(deadlines: LeaseDeadlines): void {
    this.#guard.hold(deadlines);
  }

  setEpoch(name: string, epoch: Revision): void {
    if (this.files.bound.has(name)) this.#guard.setEpoch(name, epoch);
  }

  /** A guard that was killed could not note what it took with it. */
  look(units: readonly LoadedUnit[]): void {
    if (this.files.bound.size === 0) return;
    const up = units.filter(({ activeState }) => activeState === 'active').map(({ name }) => name);
    const isGuardUp = up.includes(guardName);
    if (!isGuardUp && this.#upBefore !== null) this.#guard.noteFenced(this.#upBefore);
    this.#upBefore = isGuardUp ? up.filter((name) => this.files.bound.has(name)) : null;
  }

  noteFenced(names: readonly string[]): void {
    this.#guard.noteFenced(names.filter((name) => this.files.bound.has(name)));
  }

  fenced(): ReadonlySet<string> {
    return this.#guard.fenced();
  }

  forgetFenced(name: string): void {
    if (this.files.bound.has(name)) this.#guard.forgetFenced(name);
  }

  #guardAsNeeded(): void {
    if (this.files.bound.size > 0) this.#guard.putOut();
    else this.#guard.takeIn();
  }
}
