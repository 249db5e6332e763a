import { SystemdUnavailableError, earlier } from '@muster/core';
import type { Clock, LeaseDeadlines } from '@muster/core';
import { isBound } from './bound-file.ts';
import type { FakeUnit, FakeUnits } from './fake-units.ts';

const lookEveryMs = 1_000;

/** What the guard of units that are bound to the lease does, to units of the fake. */
export class FakeGuard {
  readonly #clock: Clock;
  readonly #units: FakeUnits;
  readonly #fenced = new Set<string>();
  #deadlines: LeaseDeadlines | null = null;
  /** Counts how often it was started; 0 is none. */
  #run = 0;
  /** One for all guards would keep those that are done with in memory. */
  readonly #never = new AbortController().signal;
  #isUp = false;
  #isHung = false;
  #isDeaf = false;

  constructor(clock: Clock, units: FakeUnits) {
    this.#clock = clock;
    this.#units = units;
  }

  get fenced(): Set<string> {
    return this.#fenced;
  }

  /** @throws {SystemdUnavailableError} while it is deaf */
  hold(deadlines: LeaseDeadlines): void {
    if (this.#isDeaf) throw new SystemdUnavailableError('the fake guard cannot be told');
    this.#deadlines = deadlines;
  }

  /** @throws {SystemdUnavailableError} while it is deaf */
  limit(deadlines: LeaseDeadlines): void {
    if (this.#deadlines !== null) this.hold(earlier(this.#deadlines, deadlines));
  }

  /** @throws {SystemdUnavailableError} while it is deaf */
  note(names: readonly string[]): void {
    if (this.#isDeaf && names.length > 0)
      throw new SystemdUnavailableError('the fake guard cannot note anything');
    for (const name of names) this.#fenced.add(name);
  }

  /** Whether a unit can be started now; the guard is up from then on if it is bound. */
  admits(unit: FakeUnit): boolean {
    if (this.#isHung || !isBound(unit.name, unit.text)) return true;
    if (this.#left('stopAt') <= 0) return false;
    this.#start();
    return true;
  }

  /** Systemd has read its files again: what runs may have been bound to the lease by that. */
  reloaded(): void {
    if (this.#isHung) return;
    if (this.#bound().length > 0 && this.#left('stopAt') > 0) this.#start();
  }

  /** From now on, until a reboot, it stands there as if it was up, and does nothing. */
  hang(): void {
    this.#isHung = true;
    this.#run += 1;
  }

  /** While true, nothing can be told it or noted, as when /run is full. */
  deafen(isDeaf: boolean): void {
    this.#isDeaf = isDeaf;
  }

  /** Nothing in /run outlives a reboot. */
  clear(): void {
    this.#run += 1;
    this.#isUp = false;
    this.#isHung = false;
    this.#deadlines = null;
    this.#fenced.clear();
  }

  #left(deadline: keyof LeaseDeadlines): number {
    return (this.#deadlines?.[deadline] ?? 0) - this.#clock.monotonic();
  }

  #start(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#run += 1;
    void this.#watch(this.#run);
  }

  async #watch(run: number): Promise<void> {
    do {
      await this.#clock.sleep(Math.min(lookEveryMs, this.#left('stopAt')), this.#never);
      if (this.#run !== run) return;
    } while (this.#left('stopAt') > 0 && this.#bound().length > 0);
    this.#isUp = false;
    for (const unit of this.#bound()) {
      if (unit.activeState !== 'deactivating') this.#fenced.add(unit.name);
      this.#units.run('stop', unit, false);
    }
    while (this.#bound().length > 0) {
      await this.#clock.sleep(
        Math.max(100, Math.min(lookEveryMs, this.#left('killAt'))),
        this.#never,
      );
      if (this.#run !== run) return;
      if (this.#left('killAt') <= 0) for (const unit of this.#bound()) this.#units.kill(unit);
    }
  }

  /** Bound units that are up. */
  #bound(): FakeUnit[] {
    return this.#units
      .all()
      .filter(({ activeState }) => activeState !== 'inactive' && activeState !== 'failed')
      .filter(({ name, text }) => isBound(name, text));
  }
}
