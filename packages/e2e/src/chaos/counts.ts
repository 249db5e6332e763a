import type { Evidence, Request } from './evidence.ts';

/** What happened in a run, one line for each kind of thing. */
export function countsOf(evidence: Evidence): readonly string[] {
  const { faults, requests, rounds, processes, changes, cast } = evidence;
  const leaders = new Set(
    changes
      .filter(({ key, record }) => key === 'leader' && record !== null)
      .map((c) => c.createRevision),
  );
  return [
    `${rounds.length} rounds, ${faults.length} faults: ${tally(faults.map(({ fault }) => fault.kind))}`,
    `${requests.length} requests: ${tally(requests.map(describeOutcome))}`,
    `${cast.length} units, ${processes.length} starts of their programs, ${movesIn(evidence)} moves`,
    `${changes.length} changes of the store, ${leaders.size} changes of leader`,
  ];
}

function describeOutcome({ outcome, by }: Request): string {
  return by === 'musterctl' ? 'by musterctl' : outcome;
}

/** How often a unit got another holder. */
function movesIn({ changes, cast }: Evidence): number {
  const holders = new Map<string, string>();
  let moves = 0;
  for (const { key, record } of changes) {
    const unit = cast.find(({ name }) => key === `placement/${name}`);
    const machines = record?.['machines'];
    if (unit === undefined || unit.kind === 'everywhere' || !Array.isArray(machines)) continue;
    const holder = String(machines.find((place) => place.role === 'holder')?.machine ?? '');
    const before = holders.get(unit.name);
    if (holder !== '' && before !== undefined && before !== holder) moves += 1;
    if (holder !== '') holders.set(unit.name, holder);
  }
  return moves;
}

function tally(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, n]) => `${word} ${n}`)
    .join(', ');
}
