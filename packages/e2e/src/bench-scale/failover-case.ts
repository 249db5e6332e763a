import { seconds } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import { waitFor } from '../lab.ts';
import { machineId } from './simulated-machine.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** Beyond the time after which a machine counts as gone. */
const targetMs = 7000;

/** A tenth of the machines loses its power at once; until all their units are active elsewhere. */
export async function failoverRow(cluster: SimulatedCluster, ttlSeconds: number): Promise<Row> {
  const { api } = cluster.leader;
  const count = Math.max(1, Math.floor(cluster.machines / 10));
  // Spread over all processes.
  const victims = Array.from({ length: count }, (_, i) => i);
  const ids = new Set(victims.map((number) => machineId(number)));
  const lost = (await api.states()).filter(({ machine }) => ids.has(machine)).map((s) => s.unit);
  const began = performance.now();
  await cluster.kill(victims);
  await waitFor(
    `the leases of ${count} machines to end`,
    async () => {
      const left = (await api.machines()).filter(({ id }) => ids.has(id)).length;
      return left === 0
        ? { done: true, value: undefined }
        : { done: false, saw: `${left} of them are still present` };
    },
    60_000 + ttlSeconds * 1000,
  );
  await cluster.wait(lost, 'launched');
  const took = performance.now() - began;
  const limitMs = ttlSeconds * 1000 + targetMs;
  return {
    what: `failover: power cut of ${count} machines, their ${lost.length} units active elsewhere`,
    measured: seconds(took),
    floor: null,
    ratio: null,
    target: `<= ${seconds(limitMs)} (ttl ${ttlSeconds} s)`,
    isMet: took <= limitMs,
  };
}
