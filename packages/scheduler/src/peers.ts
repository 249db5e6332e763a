import type { Candidate } from './eligibility.ts';
import { SetsByKey } from './sets-by-key.ts';
import { circlesOf } from './strongly-connected.ts';

type Circles = ReadonlyMap<string, readonly string[]>;

/** Who follows whom by MachineOf. */
export class Peers {
  readonly #candidates: ReadonlyMap<string, Candidate>;
  readonly #followers = new SetsByKey();
  readonly #following = new Set<string>();
  /** null: to be found anew. */
  #circles: Circles | null = new Map();

  constructor(candidates: ReadonlyMap<string, Candidate>) {
    this.#candidates = candidates;
  }

  /** unit → units that follow it; also of names that are no unit. */
  get followers(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#followers.sets;
  }

  /** unit → the units that it follows and that follow it, directly or through others, with itself */
  circles(): Circles {
    this.#circles ??= this.#findCircles();
    return this.#circles;
  }

  /** @param before - the unit as it was; it is among the candidates as it is now, if it is */
  changed(name: string, before: Candidate | undefined): void {
    const peersBefore = before?.requirements.machineOf ?? [];
    const peers = this.#peersOf(name);
    if (peersBefore.length === 0 && peers.length === 0) return;
    for (const peer of peersBefore) this.#followers.set(peer, name, false);
    for (const peer of peers) this.#followers.set(peer, name, true);
    if (peers.length === 0) this.#following.delete(name);
    else this.#following.add(name);
    // One that nobody follows closes no circle.
    if (this.#followers.sets.has(name) || this.#circles?.has(name) === true) this.#circles = null;
  }

  #peersOf(name: string): readonly string[] {
    return this.#candidates.get(name)?.requirements.machineOf ?? [];
  }

  #findCircles(): Circles {
    const circles = circlesOf(this.#following, (name) => this.#peersOf(name));
    return new Map(circles.flatMap((circle) => circle.map((name) => [name, circle])));
  }
}
