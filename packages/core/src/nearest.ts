/** The known word that is written most like `word`; the first of them when several are equally near. */
export function nearest(word: string, known: readonly [string, ...string[]]): string {
  return nearestWithin(word, known, Infinity) ?? known[0];
}

/**
 * The same among any number of words.
 * @param most - how many characters may be put in, taken out or replaced
 * @returns null: none is that near
 */
export function nearestWithin(word: string, known: Iterable<string>, most: number): string | null {
  const wanted = word.slice(0, 64).toLowerCase();
  let best: string | null = null;
  let bestDistance = most + 1;
  for (const candidate of known) {
    // The difference in length alone is as much.
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** How many characters must be put in, taken out or replaced. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 0; row < a.length; row += 1) {
    const current = [row + 1];
    for (let column = 0; column < b.length; column += 1) {
      const replaced = (previous[column] ?? 0) + (a[row] === b[column] ? 0 : 1);
      const removed = (previous[column + 1] ?? 0) + 1;
      const inserted = (current[column] ?? 0) + 1;
      current.push(Math.min(replaced, removed, inserted));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
