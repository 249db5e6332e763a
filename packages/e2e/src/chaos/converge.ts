import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';
import { monotonicMs } from './evidence.ts';
import { lookAt, unsettled } from './settle.ts';
import type { Wanted } from './settle.ts';
import type { StoreAccess, StoredRecord } from './store-access.ts';
import { underWay } from './under-way.ts';
import type { CastUnit } from './units.ts';

/** So long after the last fault everything must be as it should be. */
const settleWithinMs = 60_000;
const everyMs = 500;
/** In a row; what is on its way somewhere may look right for a moment. */
const looksThatCount = 3;

/**
 * Waits until the machines are as the store wants them. @returns what was not, when the time was
 * over; empty: all of it was
 */
export async function converge(
  cluster: Cluster,
  store: StoreAccess,
  cast: readonly CastUnit[],
): Promise<readonly string[]> {
  const end = monotonicMs() + settleWithinMs;
  let good = 0;
  for (;;) {
    const problems = await lookOnce(cluster, store, cast).catch((error: unknown) => [
      String(error),
    ]);
    good = problems.length === 0 ? good + 1 : 0;
    if (good === looksThatCount) return [];
    if (problems.length > 0 && monotonicMs() > end) return problems;
    await pause(everyMs);
  }
}

async function lookOnce(
  cluster: Cluster,
  store: StoreAccess,
  cast: readonly CastUnit[],
): Promise<readonly string[]> {
  const { records } = await store.read();
  const wanted = readWanted(cluster, records);
  const machines = [...cluster.numbers.values()];
  const looks = await Promise.all(machines.map((machine) => lookAt(cluster, machine)));
  return [...unsettled(cast, wanted, looks), ...underWay(records)];
}

function readWanted(cluster: Cluster, records: readonly StoredRecord[]): Wanted {
  const desired = new Map<string, string>();
  const metadata = new Map<number, Readonly<Record<string, unknown>>>();
  for (const { key, record } of records) {
    const [kind, name = ''] = key.split('/');
    if (kind === 'unit') desired.set(name, String(record?.['desiredState']));
    const values = record?.['metadata'];
    if (kind !== 'machine-settings' || typeof values !== 'object' || values === null) continue;
    metadata.set(cluster.numbers.get(name) ?? 0, { ...values });
  }
  return { desired, metadata };
}
