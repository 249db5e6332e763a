import type { ApiClient, UnitBody } from '@muster/api/client';
import { expandRanges } from './expand-ranges.ts';
import { isPattern, unitNameOf } from './unit-sources.ts';

/** Beyond this many names one list is cheaper. */
const maxPointReads = 10;

/**
 * Units of the cluster, at least those that the arguments may name. A list costs the more the
 * bigger the cluster is, so only patterns and many names ask for it.
 */
export async function knownUnits(
  client: ApiClient,
  args: readonly string[],
): Promise<readonly UnitBody[]> {
  const names = args.flatMap(expandRanges);
  if (names.length > maxPointReads || names.some(isPattern)) return client.units();
  const units = await Promise.all(names.map((name) => client.unit(unitNameOf(name))));
  return units.filter((unit) => unit !== null);
}
