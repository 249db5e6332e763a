import type { FileWrite, LeaseDeadlines, LoadedUnit, Revision } from '@muster/core';
import { guardName, isBound } from './bound-file.ts';
import { UnitFiles } from './files.ts';
import { LeaseGuard } from './lease-guard.ts';
import type { LeaseGuardOptions } from './lease-guard.ts';

/** Unit files of ours, and the guard of those that are bound to the lease for as long as there are any. */
export class BoundUnits {
  readonly files: UnitFiles;
  readonly #guard: LeaseGuard;
  /** Units that systemd may have loaded as bound, whatever their files say by now. */
  readonly #loaded = new Set<string>();
  /** Bound units that were up when the guard was seen to be up last; null: it was not, or is not now. */
  #upBefore: readonly string[] | null = null;

  constructor(options: LeaseGuardOptions) {
    this.files = new UnitFiles(options.unitDirectory, options.directory);
    this.files.prepare();
    this.#guard = new LeaseGuard(options);
    // What an earlier process has left runs on: it is minded from the beginning.
    this.list();
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
      this.#loaded.add(name);
      this.#guard.putOut();
      if (this.files.isUnbound(name)) await startGuard();
      this.#guard.putOut();
      this.#guard.setEpoch(name, file.epoch ?? 0);
    } else this.#guard.forgetFenced(name); // Its MUSTER_EPOCH is read until systemd reads the file.
    const written = this.files.write(name, file, hostDirectories);
    this.#guardAsNeeded();
    return written;
  }

  remove(name: string): void {
    this.files.remove(name);
    this.#guard.forget(name);
    this.#loaded.delete(name);
    this.#guardAsNeeded();
  }

  /** To be called when a daemon-reload begins; what it returns, when that has ended well. */
  reloadBegins(): () => void {
    const reloadEnded = this.files.reloadBegins();
    const unbound = this.#unbound();
    return () => {
      reloadEnded();
      this.#keep((name) => !unbound.includes(name));
    };
  }

  list(): ReadonlyMap<string, string> {
    const files = this.files.list();
    this.#guardAsNeeded();
    return files;
  }

  hold(deadlines: LeaseDeadlines): void {
    this.#guard.hold(deadlines);
  }

  limit(deadlines: LeaseDeadlines): void {
    this.#guard.limit(deadlines);
  }

  setEpoch(name: string, epoch: Revision): void {
    if (this.files.bound.has(name)) this.#guard.setEpoch(name, epoch);
  }

  /** To be called with each list of what systemd has loaded. */
  look(units: readonly LoadedUnit[]): void {
    if (this.#unbound().length > 0) {
      const loaded = new Set(units.map(({ name }) => name));
      this.#keep((name) => loaded.has(name));
    }
    if (this.files.bound.size === 0) {
      this.#upBefore = null;
      return;
    }
    const up = units.filter(({ activeState }) => activeState === 'active').map(({ name }) => name);
    const isGuardUp = up.includes(guardName);
    // A guard that was killed could not note what it took with it.
    if (!isGuardUp && this.#upBefore !== null && !this.#canNote(this.#upBefore)) return;
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

  /** @returns false: not now. That must not keep anybody from learning what is loaded. */
  #canNote(units: readonly string[]): boolean {
    try {
      this.#guard.noteFenced(units);
      return true;
    } catch {
      return false;
    }
  }

  /** Units that may be loaded as bound though their files do not say so any more. */
  #unbound(): string[] {
    return [...this.#loaded].filter((name) => !this.files.bound.has(name));
  }

  /** Those of them that are not loaded as bound are forgotten. */
  #keep(mayBeBound: (name: string) => boolean): void {
    for (const name of this.#unbound()) if (!mayBeBound(name)) this.#loaded.delete(name);
    this.#guardAsNeeded();
  }

  #guardAsNeeded(): void {
    for (const name of this.files.bound) this.#loaded.add(name);
    if (this.#loaded.size > 0) this.#guard.putOut();
    else this.#guard.takeIn();
  }
}
