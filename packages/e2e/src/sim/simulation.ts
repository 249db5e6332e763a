import { VirtualClock } from '@muster/core/testing';
import { keyOf, MemoryStore } from '@muster/registry';
import { Checker } from './checker.ts';
import type { Violation } from './invariants.ts';
import { operate } from './client.ts';
import { begin } from './faults.ts';
import type { Scene } from './faults.ts';
import { SimMachine } from './machine.ts';
import { Network } from './network.ts';
import { drawRounds } from './plan.ts';
import type { FaultKind, Round } from './plan.ts';
import { Random } from './random.ts';
import { differences, WritesAtRest } from './rest.ts';
import { drawRepertoire } from './specs.ts';
import type { Repertoire } from './specs.ts';
import { Trace } from './trace.ts';
import { Trouble } from './trouble.ts';
import { World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Of virtual time with faults; coming to rest takes some more. */
  readonly minutes: number;
  readonly without: ReadonlySet<FaultKind>;
  /** Faults that are left out, by their place in the order in which they are drawn; default: none. */
  readonly skip?: ReadonlySet<number>;
  /** Told every line of the trace; null: nobody wants them. */
  readonly print: ((line: string) => void) | null;
}

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  /** null: everything held. */
  readonly violation: Violation | null;
  /** Lines that have to do with the violation. */
  readonly trace: readonly string[];
  /** How many faults were drawn, those that were skipped among them. */
  readonly faults: number;
  /** Of every line of the trace. */
  readonly digest: string;
  readonly virtualMs: number;
  readonly counts: Readonly<Record<string, number>>;
}

const prefix = '/muster/';
const leaseLookMs = 500;
const stepMs = 250;
/** What is desired has to be what is, so long after the last fault. */
const restWithinMs = 120_000;
/** The same when events were lost unseen: everything is read anew every 5 minutes. */
const restAfterLossMs = 420_000;
/** Leases of processes that are gone end; what was sent and not answered is told again. */
const settleMs = 40_000;
const quietMs = 45_000;

/** Runs one seed: the same seed, minutes and faults give the same trace. */
export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const simulation = new Simulation(options);
  return await simulation.run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #clock = new VirtualClock({ turns: 1 });
  readonly #trace: Trace;
  readonly #repertoire: Repertoire;
  readonly #scene: Scene;
  readonly #counts = new Map<string, number>();
  readonly #ends = new Set<() => void>();
  #drawn = 0;
  readonly #writes: WritesAtRest;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const clock = this.#clock;
    const random = new Random(options.seed);
    const now = (): number => clock.monotonic();
    this.#random = random;
    this.#trace = new Trace(now, options.print);
    const { say } = this.#trace;
    const ids = Array.from({ length: 2 + random.below(4) }, (_, i) => `m${i + 1}`);
    this.#repertoire = drawRepertoire(random.fork('repertoire'), ids);
    const world = new World({ now, repertoire: this.#repertoire, prefix });
    this.#writes = new WritesAtRest(world);
    const trouble = new Trouble(now);
    const checker = new Checker({ now, world, trouble });
    const store = new MemoryStore({
      clock,
      onCommit: (events, revision, by) => {
        const keys = events.map(keyOf);
        this.#writes.committed(keys);
        const changes = world.commit(events, by);
        for (const { machine, unit, after } of changes) {
          const what = after === null ? 'withdrawn' : `${after.role} ${after.desiredState}`;
          say('store', `@${revision} ${by ?? '-'}: ${machine}/${unit} ${what}`);
        }
        checker.committed(changes, by);
        if (by === null) for (const key of keys) checker.ended(key.slice(prefix.length));
      },
    });
    const network = new Network(clock, random.fork('network'));
    const machines = ids.map((id) => {
      const metadata = { region: random.pick(['eu', 'us']) };
      return new SimMachine({
        id,
        metadata,
        clock,
        store,
        network,
        random: random.fork(id),
        say,
        observer: {
          state: (machine, unit, activeState) => {
            say(machine.id, `${unit} is ${activeState}`);
            checker.state(machine.id, unit, activeState);
          },
          asked: (machine, unit, job) => {
            say(machine.id, `systemd is asked to ${job} ${unit}`);
            checker.asked(machine.id, unit, job);
          },
          noted: (machine, note) => checker.noted(machine.id, note),
          refused: (process, keys) => {
            if (world.leader === process) return;
            const isLeaders = keys.some((key) => key.startsWith(`${prefix}assignment/`));
            if (isLeaders) this.#count('refused writes of former leaders');
          },
          ran: () => undefined,
          misplanned: ({ id }) => checker.report('P1', [id], `${id} planned otherwise`),
        },
      });
    });
    const count = (what: string): void => this.#count(what);
    this.#scene = { clock, store, network, machines, world, trouble, checker, say, count };
  }

  async run(): Promise<Outcome> {
    const { machines } = this.#scene;
    this.#endLeases();
    for (const machine of machines) machine.start();
    const rounds = drawRounds(this.#random.fork('rounds'), {
      machines: machines.length,
      minutes: this.#options.minutes,
      repertoire: this.#repertoire,
      without: this.#options.without,
    });
    for (const round of rounds) {
      await this.#round(round);
      if (this.#violation() !== null) break;
    }
    const outcome = this.#outcome();
    for (const machine of machines) machine.process?.kill();
    return outcome;
  }

  async #round(round: Round): Promise<void> {
    const { clock, say } = this.#scene;
    say('sim', `a round of ${Math.round(round.ms / 1000)} s`);
    for (const fault of round.faults) {
      this.#drawn += 1;
      if (this.#options.skip?.has(this.#drawn - 1) === true) continue;
      clock.after(fault.at, () => {
        this.#count(`fault ${fault.kind}`);
        const end = begin(fault, this.#scene);
        this.#ends.add(end);
        clock.after(fault.ms, () => {
          this.#ends.delete(end);
          end();
        });
      });
    }
    for (const operation of round.operations) {
      clock.after(operation.at, () => {
        this.#count(`operation ${operation.type}`);
        void operate(operation, {
          machines: this.#scene.machines,
          repertoire: this.#repertoire,
          say,
        });
      });
    }
    await this.#go(round.ms);
    if (this.#violation() === null) await this.#comeToRest();
  }

  /** Ends every fault and waits until everything is as it is wished for, and stays so. */
  async #comeToRest(): Promise<void> {
    const { clock, network, machines, checker, say } = this.#scene;
    say('sim', 'every fault ends');
    for (const end of this.#ends) end();
    this.#ends.clear();
    for (const machine of machines) machine.start();
    const within = network.lostEvents > 0 ? restAfterLossMs : restWithinMs;
    network.lostEvents = 0;
    const until = clock.monotonic() + within;
    await this.#go(settleMs);
    let found = await differences(this.#scene);
    while (found.length > 0 && clock.monotonic() < until && this.#violation() === null) {
      await this.#go(2_000);
      found = await differences(this.#scene);
    }
    const [first] = found;
    if (first !== undefined) {
      const seen = `${first.seen}, ${within / 1000} s after the last fault (${found.length} differences)`;
      checker.report(first.invariant, first.about, seen);
      return;
    }
    this.#writes.begin();
    await this.#go(quietMs);
    const written = this.#writes.difference(quietMs);
    if (written === null || this.#violation() !== null) return;
    checker.report(written.invariant, written.about, written.seen);
  }

  async #go(ms: number): Promise<void> {
    const { clock } = this.#scene;
    const until = clock.monotonic() + ms;
    while (clock.monotonic() < until && this.#violation() === null) {
      await clock.advance(Math.min(stepMs, until - clock.monotonic()));
    }
  }

  #endLeases(): void {
    const { clock, store, network } = this.#scene;
    if (!network.isStoreDown) store.expireOverdue();
    clock.after(leaseLookMs, () => this.#endLeases());
  }

  #violation(): Violation | null {
    return this.#scene.checker.violations[0] ?? null;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #outcome(): Outcome {
    const { checker, clock, trouble } = this.#scene;
    const violation = this.#violation();
    if (violation !== null) {
      this.#trace.say('sim', `violation of ${violation.invariant}: ${violation.seen}`);
      this.#trace.say('sim', `in trouble: ${trouble.describe()}`);
    }
    return {
      seed: this.#options.seed,
      violation,
      trace: violation === null ? [] : this.#trace.last(40, [...violation.about, 'fault', 'sim ']),
      faults: this.#drawn,
      digest: this.#trace.digest(),
      virtualMs: clock.monotonic(),
      counts: {
        ...Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))),
        starts: checker.starts,
        moves: checker.moves,
        checks: checker.checks,
      },
    };
  }
}
