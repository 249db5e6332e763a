import { setMaxListeners } from 'node:events';
import { Cluster } from '../cluster.ts';
import { waitFor } from '../lab.ts';
import type { Lab } from '../lab.ts';
import { checkEvidence } from './check.ts';
import { preparing } from './check-requests.ts';
import { askAll, sleepUntil } from './client.ts';
import type { ClientOptions } from './client.ts';
import { converge } from './converge.ts';
import { monotonicMs } from './evidence.ts';
import type { Evidence, Request, Round, Violation } from './evidence.ts';
import { describeFault } from './fault.ts';
import type { Inflicted, TimedFault } from './fault.ts';
import { inflict } from './inflict.ts';
import type { Tools } from './inflict.ts';
import { Links } from './links.ts';
import { readNotes } from './notes.ts';
import { Observer } from './observer.ts';
import { lengthOf } from './plan-faults.ts';
import type { World } from './plan-faults.ts';
import { planRequests } from './plan-requests.ts';
import type { Clients } from './plan-requests.ts';
import { StoreAccess } from './store-access.ts';
import { StoreRecorder } from './store-recorder.ts';
import { makeCast, movingKey, movingValue } from './units.ts';
import type { CastUnit } from './units.ts';

/** The lab of a run. */
export const world: World = { machines: 5, members: 3, proxied: [4, 5] };

export interface RunOptions {
  readonly lab: Lab;
  /** Of the requests. */
  readonly seed: number;
  /** The faults of a round; null: there are no more rounds. */
  readonly faultsOf: (round: number) => readonly TimedFault[] | null;
  /** The requests of a round; absent or null: they follow from the seed. */
  readonly requestsOf?: (round: number) => Clients | null;
  /** Told of each round. */
  readonly say: (text: string) => void;
}

export interface Outcome {
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
}

/**
 * Boots a lab, lets rounds of faults and requests happen to it and judges each; ends with the first
 * that broke a promise. The lab is left as it is then.
 */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const { lab, say } = options;
  const { machines, members, proxied } = world;
  const cluster = await Cluster.up(machines, { etcd: members === 3 ? 3 : 1 }, lab);
  const links = await Links.open(cluster, proxied);
  const observer = new Observer(lab.name, machines);
  const store = new StoreAccess(links.sockets);
  const recorder = new StoreRecorder(store, 1);
  try {
    await cluster.waitForMembers(machines);
    recorder.start();
    observer.start();
    const run = await Run.prepare({ cluster, links, store, recorder }, observer, options);
    say(`${run.cast.length} units run on ${machines} machines`);
    return await run.rounds();
  } finally {
    observer.stop();
    await recorder.stop();
    await links.close();
  }
}

class Run {
  readonly cast: readonly CastUnit[];
  readonly #tools: Tools;
  readonly #observer: Observer;
  readonly #options: RunOptions;
  readonly #clients: ClientOptions;
  readonly #rounds: Round[] = [];
  readonly #faults: Inflicted[] = [];
  readonly #requests: Request[] = [];

  private constructor(
    tools: Tools,
    observer: Observer,
    options: RunOptions,
    clients: ClientOptions,
  ) {
    this.cast = clients.cast;
    this.#tools = tools;
    this.#observer = observer;
    this.#options = options;
    this.#clients = clients;
  }

  /** Submits the units and waits until they are where they belong. @throws when they are not, in time */
  static async prepare(tools: Tools, observer: Observer, options: RunOptions): Promise<Run> {
    const { cluster } = tools;
    const status = await cluster.lab.status();
    const cast = makeCast(status.machines.map(({ id }) => id));
    const sockets = new Map(status.machines.map(({ machine, socket }) => [machine, socket]));
    const clients = { cluster, cast, sockets };
    const api = await cluster.api(1, preparing);
    for (const machine of [1, 3]) {
      const { id } = await cluster.lab.machine(machine);
      await api.patchMetadata(id, { [movingKey]: movingValue });
    }
    await api.writeUnits(
      cast.map(({ name, file, desiredState }) => ({ name, file, desiredState })),
    );
    const problems = await converge(cluster, tools.store, cast);
    if (problems.length > 0) throw new Error(`before anything went wrong: ${problems.join('; ')}`);
    return new Run(tools, observer, options, clients);
  }

  async rounds(): Promise<Outcome> {
    for (let number = 1; ; number += 1) {
      const faults = this.#options.faultsOf(number);
      if (faults !== null) await this.#round(number, faults);
      const evidence = await this.#evidence();
      const violations = this.#judge(evidence);
      if (faults === null || violations.length > 0) return { evidence, violations };
    }
  }

  async #round(number: number, faults: readonly TimedFault[]): Promise<void> {
    const { cluster, store } = this.#tools;
    const began = monotonicMs();
    const lengthMs = lengthOf(faults) + 2000;
    const { machines } = world;
    const over = new AbortController();
    // Every client listens to it.
    setMaxListeners(0, over.signal);
    const clients =
      this.#options.requestsOf?.(number) ??
      planRequests(this.#options.seed, number, { cast: this.cast, machines, lengthMs });
    const asking = askAll(this.#clients, { clients, round: number, began, signal: over.signal });
    await Promise.all(faults.map((timed) => this.#inflict(timed, began)));
    over.abort();
    const requests = await asking;
    this.#requests.push(...requests);
    const quietFrom = monotonicMs();
    const unsettled = await converge(cluster, store, this.cast);
    const until = monotonicMs();
    this.#rounds.push({ number, from: began, until, unsettled });
    const what = faults.map(({ atMs, fault }) => `${describeFault(fault)} at ${atMs / 1000} s`);
    const settled = unsettled.length === 0 ? 'settled' : 'NOT settled';
    const took = ((until - quietFrom) / 1000).toFixed(1);
    this.#options.say(
      `round ${number}: ${what.join(', ')}; ${requests.length} requests; ${settled} after ${took} s`,
    );
  }

  async #inflict({ atMs, fault }: TimedFault, began: number): Promise<void> {
    await sleepUntil(began + atMs, new AbortController().signal);
    const from = monotonicMs();
    try {
      await inflict(this.#tools, fault);
    } catch (cause) {
      throw new Error(`the lab could not do this: ${describeFault(fault)}`, { cause });
    }
    this.#faults.push({ fault, from, until: monotonicMs() });
  }

  async #evidence(): Promise<Evidence> {
    const { cluster, store, recorder } = this.#tools;
    const { revision } = await store.read();
    await waitFor(
      `the record of the store to have revision ${revision}`,
      async () => {
        const isThere = recorder.next > revision || recorder.gap !== null;
        return isThere
          ? { done: true, value: null }
          : { done: false, saw: `up to ${recorder.next - 1}` };
      },
      20_000,
    );
    return {
      cast: this.cast,
      machines: cluster.numbers,
      rounds: [...this.#rounds],
      faults: [...this.#faults],
      processes: this.#observer.processes(),
      notes: await readNotes(cluster),
      requests: [...this.#requests],
      changes: [...recorder.changes],
    };
  }

  #judge(evidence: Evidence): readonly Violation[] {
    const { gap } = this.#tools.recorder;
    const incomplete = gap === null ? [] : [{ invariant: 'evidence', text: gap }];
    return [...incomplete, ...checkEvidence(evidence)];
  }
}
