/** Names that are found by what they begin with. Those that are not there any more are dropped now and then. */
export class NameList {
  readonly #isThere: (name: string) => boolean;
  readonly #mostFresh: number;
  #sorted: readonly string[] = [];
  #fresh: string[] = [];
  /** All of both. */
  #known = new Set<string>();

  /** @param mostFresh - so many are looked through one by one before they are sorted in with the others */
  constructor(
    names: Iterable<string>,
    {
      isThere,
      mostFresh = 1024,
    }: { readonly isThere: (name: string) => boolean; readonly mostFresh?: number },
  ) {
    this.#isThere = isThere;
    this.#mostFresh = mostFresh;
    this.#known = new Set(names);
    this.#sort();
  }

  add(name: string): void {
    if (this.#known.has(name)) return;
    this.#known.add(name);
    this.#fresh.push(name);
    if (this.#fresh.length > this.#mostFresh) this.#sort();
  }

  /** Each once, in no order; also some that are not there any more. */
  *startingWith(start: string): Generator<string> {
    for (const name of this.#fresh) if (name.startsWith(start)) yield name;
    for (let i = this.#find(start); this.#sorted[i]?.startsWith(start) === true; i += 1) {
      yield this.#sorted[i] ?? '';
    }
  }

  #sort(): void {
    this.#sorted = [...this.#known].filter(this.#isThere).sort();
    this.#known = new Set(this.#sorted);
    this.#fresh = [];
  }

  /** The first position that does not come before this. */
  #find(start: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? '') < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
