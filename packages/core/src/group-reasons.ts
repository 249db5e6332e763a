export interface ReasonGroup<T> {
  /** Of its first item. */
  readonly reason: string;
  /** Whether they say the same but for numbers and machines in it. */
  readonly isAlike: boolean;
  readonly items: readonly T[];
}

/**
 * Items that say the same, or the same but for numbers and ids of machines; the most frequent first,
 * else by what they say.
 */
export function groupReasons<T extends { readonly reason: string }>(
  items: readonly T[],
): ReasonGroup<T>[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const kind = item.reason.replace(/\b[0-9a-f]{32}\b|\d+/g, '#');
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [item]);
    else group.push(item);
  }
  return [...groups.values()]
    .map((members) => {
      const [{ reason } = { reason: '' }] = members;
      return { reason, isAlike: members.some((each) => each.reason !== reason), items: members };
    })
    .sort((a, b) => b.items.length - a.items.length || (a.reason < b.reason ? -1 : 1));
}

/** What a group says, where not each of it is told by itself. */
export function groupText({ reason, isAlike }: Omit<ReasonGroup<unknown>, 'items'>): string {
  return isAlike ? `${reason}, or the like` : reason;
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
  return `${machines}: ${groupText(first)}${rest}`;
}
