import type { VirtualClock } from '@muster/core/testing';
import type { Random } from './random.ts';

export type Direction = 'to-store' | 'from-store';

/** How one call fares. */
interface Way {
  readonly requestMs: number;
  readonly answerMs: number;
  readonly isRequestLost: boolean;
  readonly isAnswerLost: boolean;
  readonly isSentTwice: boolean;
}

/** What is wrong with one machine's connection; each is a probability but for the delay. */
export interface Noise {
  readonly loseRequest: number;
  readonly loseAnswer: number;
  readonly sendTwice: number;
  /** Up to so many milliseconds in each direction. */
  readonly delayMs: number;
  readonly repeatEvent: number;
  /** The connection breaks with an event on its way. */
  readonly breakWatch: number;
  readonly loseEvent: number;
}

/** What becomes of a write on its way; `copied`: it passes, and comes once more when it is let go. */
export type Caught = 'passes' | 'held' | 'copied';
/** Told of each write that is about to arrive; `letGo` makes it arrive later. */
export type Trap = (machine: string, keys: readonly string[], letGo: () => void) => Caught;

interface OpenWatch {
  readonly fail: (reason: string) => void;
  readonly flush: () => void;
}

/** gRPC's keepalive: a connection that is silent for so long is given up. */
const silenceMs = 8_000;
const usualMs = { from: 0.2, to: 2 };

/** Between the machines and the store. */
export class Network {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #cuts = new Map<string, Set<Direction>>();
  readonly #noises = new Map<string, Noise>();
  readonly #hangs = new Set<string>();
  readonly #watches = new Map<string, Set<OpenWatch>>();
  /** Requests that arrive when the connection is mended. */
  readonly #held = new Map<string, (() => void)[]>();
  readonly #traps = new Set<Trap>();
  #outage: 'refused' | 'silent' | null = null;
  /** Events that were never told. */
  lostEvents = 0;

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The store's machine is there and nothing listens. */
  get refuses(): boolean {
    return this.#outage === 'refused';
  }

  get isStoreDown(): boolean {
    return this.#outage !== null;
  }

  wayOf(machine: string): Way {
    const random = this.#random;
    const delay = (): number => random.between(usualMs.from, usualMs.to);
    const noise = this.#noises.get(machine);
    if (noise === undefined) {
      return {
        requestMs: delay(),
        answerMs: delay(),
        isRequestLost: false,
        isAnswerLost: false,
        isSentTwice: false,
      };
    }
    return {
      requestMs: delay() + random.next() ** 3 * noise.delayMs,
      answerMs: delay() + random.next() ** 3 * noise.delayMs,
      isRequestLost: random.chance(noise.loseRequest),
      isAnswerLost: random.chance(noise.loseAnswer),
      isSentTwice: random.chance(noise.sendTwice),
    };
  }

  carries(machine: string, direction: Direction): boolean {
    return this.#outage === null && this.#cuts.get(machine)?.has(direction) !== true;
  }

  /** Keeps a request that does not get through, or loses it. */
  hold(machine: string, arrive: () => void): void {
    if (this.#random.chance(0.5)) return;
    const held = this.#held.get(machine) ?? [];
    this.#held.set(machine, held);
    held.push(arrive);
  }

  /** @returns takes it away */
  trap(trap: Trap): () => void {
    this.#traps.add(trap);
    return () => this.#traps.delete(trap);
  }

  /** What becomes of a write that is about to arrive. */
  catch(machine: string, keys: readonly string[], letGo: () => void): Caught {
    for (const trap of Array.from(this.#traps)) {
      const caught = trap(machine, keys, letGo);
      if (caught !== 'passes') return caught;
    }
    return 'passes';
  }

  /** Whether events reach the machine now; they are kept otherwise, until its watches fail. */
  tells(machine: string): boolean {
    return this.carries(machine, 'from-store') && !this.#hangs.has(machine);
  }

  /** Whether the connection breaks now, and what is on its way is lost with it. */
  breaksNow(machine: string): boolean {
    const noise = this.#noises.get(machine);
    return noise !== undefined && noise.breakWatch > 0 && this.#random.chance(noise.breakWatch);
  }

  /** How often an event is told: once, unless something is wrong. */
  timesTold(machine: string): number {
    const noise = this.#noises.get(machine);
    if (noise === undefined) return 1;
    if (this.#random.chance(noise.loseEvent)) {
      this.lostEvents += 1;
      return 0;
    }
    return this.#random.chance(noise.repeatEvent) ? 2 : 1;
  }

  /** @returns forgets it */
  addWatch(machine: string, watch: OpenWatch): () => void {
    const watches = this.#watches.get(machine) ?? new Set();
    this.#watches.set(machine, watches);
    watches.add(watch);
    return () => watches.delete(watch);
  }

  cut(machine: string, directions: readonly Direction[]): void {
    this.#cuts.set(machine, new Set(directions));
    this.#clock.after(silenceMs, () => {
      if (this.#cuts.has(machine)) this.breakWatches(machine, 'the connection is silent');
    });
  }

  mend(machine: string): void {
    this.#cuts.delete(machine);
    this.#flush(machine);
  }

  disturb(machine: string, noise: Noise | null): void {
    if (noise === null) this.#noises.delete(machine);
    else this.#noises.set(machine, noise);
  }

  /** Events are kept back while it hangs; nothing else shows it. */
  hangWatches(machine: string, isHanging: boolean): void {
    if (isHanging) this.#hangs.add(machine);
    else this.#hangs.delete(machine);
    this.#flush(machine);
  }

  outage(kind: 'refused' | 'silent' | null): void {
    this.#outage = kind;
    const machines = [...new Set([...this.#watches.keys(), ...this.#held.keys()])];
    if (kind === null) return machines.forEach((machine) => this.#flush(machine));
    const fail = (): void => {
      if (this.#outage !== null) for (const m of machines) this.breakWatches(m, 'etcd is away');
    };
    if (kind === 'refused') fail();
    else this.#clock.after(silenceMs, fail);
  }

  breakWatches(machine: string, reason: string): void {
    for (const watch of Array.from(this.#watches.get(machine) ?? [])) watch.fail(reason);
  }

  #flush(machine: string): void {
    if (this.carries(machine, 'to-store')) {
      const held = this.#held.get(machine) ?? [];
      this.#held.delete(machine);
      for (const arrive of held) arrive();
    }
    for (const watch of Array.from(this.#watches.get(machine) ?? [])) watch.flush();
  }
}
