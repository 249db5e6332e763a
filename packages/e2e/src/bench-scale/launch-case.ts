import { setTimeout as pause } from 'node:timers/promises';
import { seconds } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import { committed, costOf, describeCost } from './cost.ts';
import type { Cost } from './cost.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import type { Spec } from './specs.ts';

export interface Launched {
  readonly cost: Cost;
  /** From the first PUT until the API says that all are active. */
  readonly activeMs: number;
  /** Placed, and written to etcd, per second: from the first PUT until the last of them. */
  readonly decisionsPerSecond: number;
}

/** Each look costs the leader some ms. */
const lookEveryMs = 250;

/** Hands all units over and waits until they are active. */
export async function launchAll(
  cluster: SimulatedCluster,
  { units, copies }: Pick<Spec, 'units' | 'copies'>,
): Promise<Launched> {
  let activeMs = 0;
  const began = performance.now();
  const decisions = new DecisionCounter(cluster);
  const cost = await costOf(cluster, async () => {
    const counting = decisions.run();
    try {
      await cluster.launch(units);
      activeMs = performance.now() - began;
    } finally {
      decisions.end();
      await counting;
    }
  });
  return { cost, activeMs, decisionsPerSecond: decisions.perSecond() * copies };
}

/** Looks at the leader's own count again and again. */
class DecisionCounter {
  readonly #cluster: SimulatedCluster;
  readonly #over = new AbortController();
  #first: { readonly at: number; readonly count: number } | null = null;
  #last = { at: 0, count: 0 };

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  async run(): Promise<void> {
    await this.#look();
    while (!this.#over.signal.aborted) {
      await pause(lookEveryMs);
      await this.#look();
    }
  }

  end(): void {
    this.#over.abort();
  }

  perSecond(): number {
    if (this.#first === null) return Number.NaN;
    const { at, count } = this.#last;
    return ((count - this.#first.count) * 1000) / (at - this.#first.at);
  }

  async #look(): Promise<void> {
    const count = committed(await this.#cluster.leader.metrics());
    const at = performance.now();
    this.#first ??= { at, count };
    if (count !== this.#last.count) this.#last = { at, count };
  }
}

/** @param label - of the case */
export function launchRows(
  { cost, activeMs, decisionsPerSecond }: Launched,
  label: string,
  size: string,
): Row[] {
  const plain = { floor: null, ratio: null, isMet: true };
  return [
    {
      ...plain,
      what: `${label}: ${size}, all active`,
      measured: seconds(activeMs),
      target: 'all are active, no lease is lost',
      isMet: cost.etcd.lostLeases === 0,
    },
    {
      ...plain,
      what: `${label}: placed and written, from the first PUT`,
      measured: `${decisionsPerSecond.toFixed(0)}/s`,
      target: 'none set',
    },
    { ...plain, what: `${label}: cost`, measured: describeCost(cost), target: 'none set' },
  ];
}
