interface Visit {
  readonly node: string;
  readonly successors: Iterator<string>;
}

/**
 * Groups of nodes that can reach each other, each group sorted; a node that can only reach itself
 * by no way or a loop of its own is in no group. Takes time in proportion to nodes and edges, and
 * no stack.
 */
export function circlesOf(
  nodes: Iterable<string>,
  successorsOf: (node: string) => Iterable<string>,
): string[][] {
  const circles: string[][] = [];
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const path: Visit[] = [];
  const enter = (node: string): void => {
    index.set(node, index.size);
    lowest.set(node, index.size - 1);
    open.push(node);
    isOpen.add(node);
    path.push({ node, successors: successorsOf(node)[Symbol.iterator]() });
  };
  const lower = (node: string, to: number): void => {
    lowest.set(node, Math.min(lowest.get(node) ?? to, to));
  };
  const leave = ({ node }: Visit): void => {
    const low = lowest.get(node) ?? 0;
    const parent = path.at(-1);
    if (parent !== undefined) lower(parent.node, low);
    if (low !== index.get(node)) return;
    const members = open.splice(open.lastIndexOf(node));
    for (const member of members) isOpen.delete(member);
    if (members.length > 1) circles.push(members.sort());
  };
  for (const root of nodes) {
    if (index.has(root)) continue;
    enter(root);
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const next = visit.successors.next();
      if (next.done === true) {
        path.pop();
        leave(visit);
      } else if (!index.has(next.value)) enter(next.value);
      else if (isOpen.has(next.value)) lower(visit.node, index.get(next.value) ?? 0);
    }
  }
  return circles;
}
