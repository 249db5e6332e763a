import type { Glob } from '@muster/core';

/** Things that have a glob, found by a name that it matches without asking each of them. */
export class GlobIndex<T extends { readonly glob: Glob }> {
  /** By what every name that matches begins with. */
  readonly #byStart = new Map<string, Set<T>>();
  /** Length of such a beginning → how many there are. */
  readonly #lengths = new Map<number, number>();

  add(item: T): void {
    const start = startOf(item.glob);
    const others = this.#byStart.get(start);
    if (others !== undefined) {
      others.add(item);
      return;
    }
    this.#byStart.set(start, new Set([item]));
    this.#lengths.set(start.length, (this.#lengths.get(start.length) ?? 0) + 1);
  }

  delete(item: T): void {
    const start = startOf(item.glob);
    const others = this.#byStart.get(start);
    if (others?.delete(item) !== true || others.size > 0) return;
    this.#byStart.delete(start);
    const left = (this.#lengths.get(start.length) ?? 0) - 1;
    if (left > 0) this.#lengths.set(start.length, left);
    else this.#lengths.delete(start.length);
  }

  /** Those whose glob matches the name. */
  matching(name: string): T[] {
    const found: T[] = [];
    for (const length of this.#lengths.keys()) {
      for (const item of this.#byStart.get(name.slice(0, length)) ?? []) {
        if (item.glob.matches(name)) found.push(item);
      }
    }
    return found;
  }
}

/** What every name that matches begins with. */
export function startOf({ pattern }: Glob): string {
  const wildcard = pattern.search(/[*?[\\]/);
  return wildcard === -1 ? pattern : pattern.slice(0, wildcard);
}
