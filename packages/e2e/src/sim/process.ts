import type { Clock } from '@muster/core';

/** What a process does when it makes a call that it does not survive. */
export type DeathAt = 'before' | 'after';

/**
 * One run of musterd. What it awaits reaches it only while it runs: a stopped one goes on later, a
 * killed one never does, and nothing that it would have done next is done.
 */
export class SimProcess {
  readonly name: string;
  readonly #onDeath: () => void;
  #isStopped = false;
  #isDead = false;
  #waiting: (() => void)[] = [];
  #doom: { callsLeft: number; readonly at: DeathAt } | null = null;

  constructor(name: string, onDeath: () => void) {
    this.name = name;
    this.#onDeath = onDeath;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** SIGSTOP. */
  stop(): void {
    this.#isStopped = true;
  }

  /** SIGCONT. */
  go(): void {
    this.#isStopped = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** SIGKILL. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#waiting = [];
    this.#onDeath();
  }

  /** SIGKILL at its call after the next `calls`, before it is made or once it is under way. */
  killAtCall(calls: number, at: DeathAt): void {
    this.#doom = { callsLeft: calls, at };
  }

  /** Makes a call to the outside world and waits for its answer. */
  async call<T>(act: () => Promise<T>): Promise<T> {
    const doom = this.#doom;
    const isLast = doom !== null && doom.callsLeft-- <= 0;
    if (isLast && doom.at === 'before') this.kill();
    if (this.#isDead) return never();
    const answer = act();
    if (isLast) this.kill();
    try {
      const value = await answer;
      await this.#running();
      return value;
    } catch (error) {
      await this.#running();
      throw error;
    }
  }

  /** Calls back once the process runs; what is told meanwhile stays in order. */
  tell(act: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#waiting.push(act);
    else act();
  }

  #running(): Promise<void> {
    if (this.#isDead) return never();
    if (!this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** What is done around a call: it may be refused, delayed, or made and its answer withheld. */
export type Around = <T>(method: string, act: () => Promise<T>) => Promise<T>;

export interface PortOptions {
  readonly around?: Around;
  /** Methods that answer at once, not by a promise. */
  readonly synchronous?: readonly string[];
  /** Told of each call that was made and answered without an error, whoever is told of it. */
  readonly seen?: (method: string, args: readonly unknown[]) => void;
}

/** The same port as one process reaches it; callbacks (`on…`) come to it while it runs. */
export function ofProcess<T extends object>(
  process: SimProcess,
  port: T,
  { around = (_, act) => act(), synchronous = [], seen }: PortOptions = {},
): T {
  return new Proxy(port, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name, target);
      const method = String(name);
      if (typeof member !== 'function') return member;
      if (synchronous.includes(method)) {
        return (...args: unknown[]): unknown => Reflect.apply(member, target, args);
      }
      if (/^on[A-Z]/.test(method)) {
        return (listener: unknown): unknown =>
          Reflect.apply(member, target, [told(process, listener)]);
      }
      const made = async (args: readonly unknown[]): Promise<unknown> => {
        const value: unknown = await Reflect.apply(member, target, args);
        seen?.(method, args);
        return value;
      };
      return (...args: unknown[]): Promise<unknown> =>
        process.call(() => around(method, () => made(args)));
    },
  });
}

function told(process: SimProcess, listener: unknown): unknown {
  if (typeof listener !== 'function') return listener;
  return (...args: unknown[]): void => process.tell(() => void Reflect.apply(listener, null, args));
}

/** A machine's clock as one of its processes reads it. */
export function clockOf(process: SimProcess, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => process.call(() => clock.sleep(ms, signal)),
  };
}
