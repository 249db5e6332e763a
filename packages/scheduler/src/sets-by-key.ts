/** For each key a set of names. A set that would be empty is not there. */
export class SetsByKey {
  readonly #sets = new Map<string, Set<string>>();

  get sets(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#sets;
  }

  of(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? none;
  }

  set(key: string, name: string, isIn: boolean): void {
    const set = this.#sets.get(key);
    if (isIn && set === undefined) this.#sets.set(key, new Set([name]));
    else if (isIn) set?.add(name);
    else if (set?.delete(name) === true && set.size === 0) this.#sets.delete(key);
  }
}

const none: ReadonlySet<string> = new Set();
