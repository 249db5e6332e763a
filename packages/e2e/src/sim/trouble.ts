interface Spell {
  readonly what: string;
  isOver: boolean;
}

/** Faults by which a machine's picture of the store is older than it can know. */
const blinding: ReadonlySet<string> = new Set(['lost-events']);
/** Everything is read anew so often. */
const blindMs = 310_000;

/**
 * What is, and was, wrong with each machine and with everything at once, as it was made to be; the
 * checkers excuse nothing that is not in it.
 */
export class Trouble {
  readonly #now: () => number;
  readonly #spells = new Map<string, Set<Spell>>();
  readonly #endedAt = new Map<string, number>();
  readonly #worseEndedAt = new Map<string, number>();
  readonly #blindUntil = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param where - a machine, or `store` @returns ends it */
  begin(where: string, what: string): () => void {
    const spells = this.#spells.get(where) ?? new Set();
    this.#spells.set(where, spells);
    const spell: Spell = { what, isOver: false };
    if (blinding.has(what)) this.#blindUntil.set(where, this.#now() + blindMs);
    spells.add(spell);
    return () => {
      if (spell.isOver) return;
      spell.isOver = true;
      spells.delete(spell);
      this.#endedAt.set(where, this.#now());
      if (what !== 'upgrade') this.#worseEndedAt.set(where, this.#now());
    };
  }

  isIn(where: string): boolean {
    return (this.#spells.get(where)?.size ?? 0) > 0;
  }

  /** When it was last in trouble: now, if it still is; -Infinity: it never was. */
  lastIn(where: string): number {
    return this.isIn(where) ? this.#now() : (this.#endedAt.get(where) ?? -Infinity);
  }

  /** Whether anything was wrong with it within the last `ms`. */
  wasIn(where: string, ms: number): boolean {
    return this.lastIn(where) >= this.#now() - ms;
  }

  /** Whether anything but an orderly stop was wrong with it within the last `ms`. */
  hadWorseThanStop(where: string, ms: number): boolean {
    const now = [...(this.#spells.get(where) ?? [])].some(({ what }) => what !== 'upgrade');
    return now || (this.#worseEndedAt.get(where) ?? -Infinity) >= this.#now() - ms;
  }

  /** Whether a machine may decide from an old picture although every call of it is answered. */
  mayBeBlind(where: string): boolean {
    const isIn = [...(this.#spells.get(where) ?? [])].some(({ what }) => blinding.has(what));
    return isIn || this.#now() < (this.#blindUntil.get(where) ?? -Infinity);
  }

  /** When anything was last in trouble. */
  lastAnywhere(): number {
    return Math.max(-Infinity, ...[...this.#spells.keys()].map((where) => this.lastIn(where)));
  }

  /** What is wrong now, for messages. */
  describe(): string {
    const all = [...this.#spells].flatMap(([where, spells]) =>
      [...spells].map(({ what }) => `${where}: ${what}`),
    );
    return all.length === 0 ? 'nothing' : all.sort().join(', ');
  }
}
