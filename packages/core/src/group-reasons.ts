/** Items with the same reason, the most frequent reason first; else by the reason itself. */
export function groupReasons<T extends { readonly reason: string }>(
  items: readonly T[],
): { readonly reason: string; readonly items: readonly T[] }[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.reason);
    if (group === undefined) groups.set(item.reason, [item]);
    else group.push(item);
  }
  return [...groups]
    .map(([reason, members]) => ({ reason, items: members }))
    .sort((a, b) => b.items.length - a.items.length || (a.reason < b.reason ? -1 : 1));
}

/**
 * What most machines say, and how many say something else; '' when none says anything.
 * `312 machines: MachineMetadata wants az=b, the machine has az=a; 3 more for other reasons`
 */
export function refusalsInShort(refusals: readonly { readonly reason: string }[]): string {
  const [first] = groupReasons(refusals);
  if (first === undefined) return '';
  const { length } = first.items;
  const others = refusals.length - length;
  const machines = length === 1 ? '1 machine' : `${length} machines`;
  const rest = others === 0 ? '' : `; ${others} more for other reasons`;
  return `${machines}: ${first.reason}${rest}`;
}
