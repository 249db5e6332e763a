import type { Glob } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { GlobIndex, startOf } from './glob-index.ts';

type Counts = Map<Host, number>;

/** A pattern with wildcards in Conflicts=. */
interface Use {
  readonly glob: Glob;
  /** How many residents have it. */
  readonly owners: Counts;
  /** How many residents match it. */
  readonly matched: Counts;
}

/** Patterns that no resident has are forgotten when there are more, and more than twice what is left. */
const fewUses = 1024;

/** Which machines hold a unit that another one is kept away from by Conflicts=, by whose word ever. */
export class ConflictIndex {
  readonly #whereIs: (name: string) => ReadonlySet<Host>;
  readonly #namesWith: (start: string) => Iterable<string>;
  /** By pattern. */
  readonly #uses = new Map<string, Use>();
  readonly #index = new GlobIndex<Use>();
  #mostUses = fewUses;
  /** name → machines that hold units with Conflicts= of exactly that name */
  readonly #ownersByName = new Map<string, Counts>();

  /** @param namesWith - units that some machine holds, by what their names begin with */
  constructor(
    whereIs: (name: string) => ReadonlySet<Host>,
    namesWith: (start: string) => Iterable<string>,
  ) {
    this.#whereIs = whereIs;
    this.#namesWith = namesWith;
  }

  /**
   * Tells of a machine whether it holds such a unit; null: none does.
   * @param all - how many machines there are
   */
  against(unit: Candidate, all: number): ((host: Host) => boolean) | 'everywhere' | null {
    const walls = this.#walls(unit);
    const standing = walls.filter(({ size }) => size > 0);
    const [only] = standing;
    if (only === undefined) return null;
    if (standing.some(({ size }) => size >= all)) return 'everywhere';
    if (standing.length === 1) return (host) => only.has(host);
    return (host) => standing.some((wall) => wall.has(host));
  }

  /** Whether a machine holds such a unit, or the unit itself, which may conflict with itself. */
  isAny(unit: Candidate, host: Host): boolean {
    return this.#walls(unit).some((wall) => wall.has(host));
  }

  #walls(unit: Candidate): Pick<Counts, 'has' | 'size'>[] {
    const walls: Pick<Counts, 'has' | 'size'>[] = unit.conflicts.map((glob) =>
      glob.literal === null ? this.#use(glob).matched : this.#whereIs(glob.literal),
    );
    for (const use of this.#index.matching(unit.name)) walls.push(use.owners);
    const owners = this.#ownersByName.get(unit.name);
    if (owners !== undefined) walls.push(owners);
    return walls;
  }

  settled(host: Host, unit: Candidate): void {
    for (const use of this.#index.matching(unit.name)) count(use.matched, host, 1);
    for (const glob of unit.conflicts) count(this.#ownersOf(glob), host, 1);
  }

  vacated(host: Host, unit: Candidate): void {
    for (const use of this.#index.matching(unit.name)) count(use.matched, host, -1);
    for (const glob of unit.conflicts) {
      const owners = this.#ownersOf(glob);
      count(owners, host, -1);
      if (owners.size === 0 && glob.literal !== null) this.#ownersByName.delete(glob.literal);
    }
  }

  #ownersOf(glob: Glob): Counts {
    if (glob.literal === null) return this.#use(glob).owners;
    const known = this.#ownersByName.get(glob.literal) ?? new Map<Host, number>();
    this.#ownersByName.set(glob.literal, known);
    return known;
  }

  #use(glob: Glob): Use {
    const known = this.#uses.get(glob.pattern);
    if (known !== undefined) return known;
    if (this.#uses.size >= this.#mostUses) this.#forgetIdle();
    const use: Use = { glob, owners: new Map(), matched: new Map() };
    for (const name of this.#namesWith(startOf(glob))) {
      if (!glob.matches(name)) continue;
      for (const host of this.#whereIs(name)) count(use.matched, host, 1);
    }
    this.#uses.set(glob.pattern, use);
    this.#index.add(use);
    return use;
  }

  #forgetIdle(): void {
    for (const [pattern, use] of this.#uses) {
      if (use.owners.size > 0) continue;
      this.#uses.delete(pattern);
      this.#index.delete(use);
    }
    this.#mostUses = Math.max(fewUses, 2 * this.#uses.size);
  }
}

function count<T>(counts: Map<T, number>, of: T, by: 1 | -1): void {
  const now = (counts.get(of) ?? 0) + by;
  if (now === 0) counts.delete(of);
  else counts.set(of, now);
}
