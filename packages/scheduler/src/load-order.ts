import type { Host } from './eligibility.ts';

/** Machines in the order of their load, of equals the first by id. */
export class LoadOrder {
  readonly #hosts: readonly Host[];
  readonly #loadOf: (host: Host) => number;
  /** By rank, as they are in `#order`. */
  readonly #loads: Float64Array;
  /** Ranks. */
  readonly #order: Int32Array;

  /** @param hosts - sorted by id; each is given its rank */
  constructor(hosts: readonly Host[], loadOf: (host: Host) => number) {
    this.#hosts = hosts;
    this.#loadOf = loadOf;
    for (const [rank, host] of hosts.entries()) host.rank = rank;
    this.#loads = Float64Array.from(hosts, loadOf);
    const byLoad = hosts.map((_, rank) => rank).sort((a, b) => this.#load(a) - this.#load(b));
    this.#order = Int32Array.from(byLoad);
  }

  /** @param position - from 0; undefined: there are no more */
  at(position: number): Host | undefined {
    return this.#hosts[this.#order[position] ?? -1];
  }

  /** Some of these hosts, in the same order. */
  sort(hosts: readonly Host[]): readonly Host[] {
    return hosts.toSorted((a, b) => this.#loadOf(a) - this.#loadOf(b) || a.rank - b.rank);
  }

  /** Its load may be another now. */
  moved(host: Host): void {
    const { rank } = host;
    const before = this.#load(rank);
    const load = this.#loadOf(host);
    if (load === before) return;
    const from = this.#find(before, rank);
    const beyond = this.#find(load, rank);
    if (load > before) this.#order.copyWithin(from, from + 1, beyond);
    else this.#order.copyWithin(beyond + 1, beyond, from);
    this.#order[load > before ? beyond - 1 : beyond] = rank;
    this.#loads[rank] = load;
  }

  #load(rank: number): number {
    return this.#loads[rank] ?? 0;
  }

  /** The first position that does not come before this. */
  #find(load: number, rank: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#order[middle] ?? 0;
      const otherLoad = this.#load(other);
      if (otherLoad < load || (otherLoad === load && other < rank)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
