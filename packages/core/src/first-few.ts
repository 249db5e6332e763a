const most = 20;

/** A sentence for each of the first items, and one that says how many more there are. */
export function firstFew<T>(items: readonly T[], sentence: (item: T) => string): string[] {
  const said = items.slice(0, most).map(sentence);
  const left = items.length - said.length;
  return left === 0 ? said : [...said, `the same of ${left} more`];
}
