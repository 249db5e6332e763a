import { setImmediate } from 'node:timers/promises';
import type { Clock, LoadedUnit } from '@muster/core';
import { FakeSystemd } from '@muster/systemd';
import type { Random } from '../sim/random.ts';

/** How the units of a simulated systemd behave. Read anew at each start. */
export interface Behaviour {
  /** What a start takes on average: it is drawn between half and one and a half of it. */
  startMs: number;
  /** Part of the starts (0 to 1) whose program ends with an error at once. */
  failing: number;
}

export interface SimulatedSystemdOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly behaviour: Readonly<Behaviour>;
}

/**
 * All machines of a process begin what they do in turn, one in each turn of the event loop, as the
 * system lets processes run: otherwise hundreds of them, told of their units at once, do all of their
 * work before any timer of this process is looked at, such as those that renew leases.
 */
class Turns {
  #last: Promise<void> = Promise.resolve();

  next(): Promise<void> {
    this.#last = this.#last.then(() => setImmediate());
    return this.#last;
  }
}

const turns = new Turns();

/** A systemd in memory whose units take their time to start, and fail now and then. */
export class SimulatedSystemd extends FakeSystemd {
  readonly #options: SimulatedSystemdOptions;
  /** As it was told last; null: something has changed since. */
  #list: readonly LoadedUnit[] | null = null;
  readonly #askedAt = new Map<string, number>();
  readonly #tookMs = new Map<string, number>();

  constructor(options: SimulatedSystemdOptions) {
    super(options.clock, {
      state: () => this.#changed(),
      asked: () => this.#changed(),
    });
    this.#options = options;
    this.onJobEnd(({ unit, type }) => {
      this.#changed();
      const askedAt = this.#askedAt.get(unit);
      this.#askedAt.delete(unit);
      if (type === 'start' && askedAt !== undefined) {
        this.#tookMs.set(unit, performance.now() - askedAt);
      }
    });
  }

  /** What the last start job of a unit took; undefined: there was none. */
  startTook(unit: string): number | undefined {
    return this.#tookMs.get(unit);
  }

  override async start(name: string): Promise<void> {
    const { random, behaviour } = this.#options;
    this.script(name, {
      get startMs() {
        return behaviour.startMs * random.between(0.5, 1.5);
      },
      get exitCode() {
        return random.chance(behaviour.failing) ? 1 : null;
      },
    });
    this.#askedAt.set(name, performance.now());
    await super.start(name);
  }

  override async removeFile(name: string): Promise<void> {
    this.#tookMs.delete(name);
    await super.removeFile(name);
  }

  /** An agent that gets the same list as before does nothing with it, as with the real one. */
  override async listUnits(): Promise<readonly LoadedUnit[]> {
    await turns.next();
    this.#list ??= await super.listUnits();
    return this.#list;
  }

  #changed(): void {
    this.#list = null;
  }
}
