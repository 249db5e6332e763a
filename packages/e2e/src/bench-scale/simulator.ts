import { setMaxListeners } from 'node:events';
import type { Clock } from '@muster/core';
import { Random } from '../sim/random.ts';
import { SimulatedMachine } from './simulated-machine.ts';
import type { Behaviour } from './simulated-systemd.ts';

/** What the process that measures asks a process of simulated machines for. Each is answered in turn. */
export type Order =
  | {
      readonly type: 'begin';
      readonly endpoint: string;
      readonly prefix: string;
      /** Numbers of the machines. */
      readonly machines: readonly number[];
      readonly ttlSeconds: number;
      readonly behaviour: Behaviour;
    }
  | { readonly type: 'behave'; readonly behaviour: Behaviour }
  /** These lose their power. Numbers that are not here are passed over. */
  | { readonly type: 'die'; readonly machines: readonly number[] }
  /** Answered with what the last starts of these took, in ms; of those that were started here. */
  | { readonly type: 'starts'; readonly units: readonly string[] };

export type Answer =
  | { readonly type: 'done'; readonly starts: readonly number[] }
  | { readonly type: 'failed'; readonly message: string };

/** So many machines register at a time: nobody boots all at once, and their timers are to be apart. */
const atOnce = 10;
const readyMs = 60_000;

/** The time of this process. Machines here are never suspended. */
const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    }),
};

const never = new AbortController().signal;

class Simulator {
  readonly #machines = new Map<number, SimulatedMachine>();
  readonly #behaviour: Behaviour = { startMs: 0, failing: 0 };

  async carryOut(order: Order): Promise<readonly number[]> {
    switch (order.type) {
      case 'begin':
        await this.#begin(order);
        return [];
      case 'behave':
        Object.assign(this.#behaviour, order.behaviour);
        return [];
      case 'die':
        await Promise.all(
          order.machines.map(async (number) => {
            await this.#machines.get(number)?.die();
            this.#machines.delete(number);
          }),
        );
        return [];
      case 'starts':
        return order.units.flatMap((unit) =>
          [...this.#machines.values()].flatMap(({ systemd }) => systemd.startTook(unit) ?? []),
        );
    }
  }

  async #begin({
    endpoint,
    prefix,
    machines,
    ttlSeconds,
    behaviour,
  }: Extract<Order, { type: 'begin' }>): Promise<void> {
    Object.assign(this.#behaviour, behaviour);
    for (let i = 0; i < machines.length; i += atOnce) {
      const some = machines.slice(i, i + atOnce).map((number) => {
        const common = { endpoint, prefix, ttlSeconds, clock, behaviour: this.#behaviour };
        const options = { ...common, number, random: new Random(number) };
        const machine = new SimulatedMachine(options);
        this.#machines.set(number, machine);
        return machine;
      });
      await untilRegistered(some);
    }
  }
}

async function untilRegistered(machines: readonly SimulatedMachine[]): Promise<void> {
  const end = clock.monotonic() + readyMs;
  for (;;) {
    const missing = machines.filter((machine) => !machine.isRegistered());
    if (missing.length === 0) return;
    if (clock.monotonic() > end) {
      throw new Error(`${missing.length} of ${machines.length} machines were not registered`);
    }
    await clock.sleep(20, never);
  }
}

/** Serves orders from the parent process until it is gone. */
export function serveSimulator(): void {
  setMaxListeners(0, never);
  const simulator = new Simulator();
  const answer = (message: Answer): void => void process.send?.(message);
  process.on('message', (order: Order) => {
    simulator.carryOut(order).then(
      (starts) => answer({ type: 'done', starts }),
      (error: unknown) => answer({ type: 'failed', message: String(error) }),
    );
  });
  // Whoever asked is gone, however it ended: nothing is left to do in order.
  process.on('disconnect', () => process.exit(0));
}
