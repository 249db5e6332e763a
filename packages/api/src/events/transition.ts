/** From what to what something changed; null: it did not, or does no longer, exist. */
export interface Transition<T> {
  /** Names of the fields in which `from` and `to` differ; empty when one of them is null. */
  readonly changed: readonly (keyof T & string)[];
  readonly from: T | null;
  readonly to: T | null;
}

/** @param pick - the facts that people are told of a record */
export function transition<R, T extends object>(
  { before, after }: { readonly before: R | null; readonly after: R | null },
  pick: (record: R) => T,
): Transition<T> {
  const from = before === null ? null : pick(before);
  const to = after === null ? null : pick(after);
  return { changed: from === null || to === null ? [] : differences(from, to), from, to };
}

function differences<T extends object>(from: T, to: T): (keyof T & string)[] {
  const names: (keyof T & string)[] = [];
  for (const name in { ...from, ...to }) {
    if (JSON.stringify(from[name]) !== JSON.stringify(to[name])) names.push(name);
  }
  return names;
}

/** How texts name a machine. */
export function shortId(machine: string): string {
  return machine.slice(0, 8);
}

export function shortHash(hash: string): string {
  return hash.slice(0, 7);
}
