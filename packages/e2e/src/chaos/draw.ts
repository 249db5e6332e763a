import { Random } from '../sim/random.ts';

/** A source that follows from a seed and from what it is for. */
export function randomFor(seed: number, ...purpose: readonly (string | number)[]): Random {
  return new Random(seed).fork(purpose.join(' '));
}

/** A whole number, `least` to `most`. */
export function whole(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1);
}

/** `count` different entries, in no order; all of them when there are fewer. */
export function some<T>(random: Random, list: readonly T[], count: number): T[] {
  const left = [...list];
  const chosen: T[] = [];
  while (left.length > 0 && chosen.length < count) {
    chosen.push(...left.splice(random.below(left.length), 1));
  }
  return chosen;
}
