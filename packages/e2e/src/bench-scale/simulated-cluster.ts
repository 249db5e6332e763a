import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd } from '@muster/registry/testing';
import type { TestEtcd } from '@muster/registry/testing';
import type { UnitRequest, WaitTarget } from '@muster/api/client';
import { waitFor } from '../lab.ts';
import { Endings } from './endings.ts';
import { Leader } from './leader.ts';
import { SimulatorProcess } from './processes.ts';
import { fetchMetrics } from './prometheus.ts';
import type { Samples } from './prometheus.ts';
import type { Behaviour } from './simulated-systemd.ts';

export interface ClusterSize {
  readonly machines: number;
  readonly processes: number;
  /** Of the leases of machines. */
  readonly ttlSeconds: number;
  readonly behaviour: Behaviour;
  /** A directory for profiles of what the processes did; null: none are made. */
  readonly profileIn: string | null;
}

const prefix = '/muster';
/** Of one request, as many as `musterctl` sends at once. */
const unitsPerRequest = 500;
/** How long units may take to get somewhere, on a machine that has other things to do as well. */
const patienceMs = (units: number): number => 60_000 + 50 * units;

/** Clusters in this process; the promise is settled when one is up, or never will be. */
const standing = new Map<Endings, Promise<unknown>>();

/** Ends every cluster in this process, also those that are not up yet. */
export async function endAllClusters(): Promise<void> {
  for (const [endings, beginning] of standing) {
    await endings.endAll();
    await beginning.catch(() => undefined);
  }
}

interface ClusterParts {
  readonly etcd: TestEtcd;
  readonly leader: Leader;
  readonly simulators: readonly SimulatorProcess[];
  readonly machines: number;
  readonly endings: Endings;
}

/** An etcd, a musterd that leads, and machines that only seem to be ones. */
export class SimulatedCluster {
  readonly #parts: ClusterParts;

  private constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  get leader(): Leader {
    return this.#parts.leader;
  }

  get machines(): number {
    return this.#parts.machines;
  }

  /** Resolves when every machine is registered and the leader knows it. */
  static async up(size: ClusterSize): Promise<SimulatedCluster> {
    const endings = new Endings();
    const beginning = begin(size, endings);
    standing.set(endings, beginning);
    try {
      const cluster = new SimulatedCluster(await beginning);
      await cluster.#untilAllAreKnown();
      return cluster;
    } catch (error) {
      await endings.endAll();
      standing.delete(endings);
      throw error;
    }
  }

  async down(): Promise<void> {
    const { endings } = this.#parts;
    await endings.endAll();
    standing.delete(endings);
  }

  /** etcd's own. */
  etcdMetrics(): Promise<Samples> {
    return fetchMetrics(this.#parts.etcd.endpoint.replace(/^unix:/, ''));
  }

  async behave(behaviour: Behaviour): Promise<void> {
    await this.#tellAll({ type: 'behave', behaviour });
  }

  /** These machines, by number, lose their power. */
  async kill(machines: readonly number[]): Promise<void> {
    await this.#tellAll({ type: 'die', machines });
  }

  /** What the last starts of these units took the simulated systemd, in ms. */
  async starts(units: readonly string[]): Promise<readonly number[]> {
    return this.#tellAll({ type: 'starts', units });
  }

  /** Hands units to the API. @returns the revision from which on a wait sees them */
  async put(units: readonly UnitRequest[]): Promise<number> {
    let revision = 0;
    for (let i = 0; i < units.length; i += unitsPerRequest) {
      const some = units.slice(i, i + unitsPerRequest);
      const launched = some.map((unit) => ({ desiredState: 'launched' as const, ...unit }));
      const answer = await this.leader.api.writeUnits(launched);
      revision = Math.max(revision, answer.revision);
    }
    return revision;
  }

  /** @throws with a few of the units that are not there, and why */
  async wait(names: readonly string[], until: WaitTarget, afterRevision = 0): Promise<void> {
    const request = { units: names, until, afterRevision, timeoutMs: patienceMs(names.length) };
    const problems: string[] = [];
    for await (const line of this.leader.api.wait(request)) {
      if (line.type === 'failed') problems.push(JSON.stringify(line));
      if (line.type !== 'end') continue;
      if (line.failed === 0 && line.pending.length === 0) return;
      problems.push(...line.pending.map((pending) => JSON.stringify(pending)));
    }
    const some = problems.slice(0, 5).join('\n');
    throw new Error(`${problems.length} of ${names.length} units are not ${until}:\n${some}`);
  }

  async launch(units: readonly UnitRequest[]): Promise<void> {
    const revision = await this.put(units);
    await this.wait(
      units.map(({ name }) => name),
      'launched',
      revision,
    );
  }

  async destroy(names: readonly string[]): Promise<void> {
    let revision = 0;
    for (let i = 0; i < names.length; i += unitsPerRequest) {
      const answer = await this.leader.api.destroyUnits(names.slice(i, i + unitsPerRequest));
      revision = Math.max(revision, answer.revision);
    }
    await this.wait(names, 'absent', revision);
  }

  async #tellAll(order: Parameters<SimulatorProcess['tell']>[0]): Promise<number[]> {
    const answers = await Promise.all(
      this.#parts.simulators.map((simulator) => simulator.tell(order)),
    );
    return answers.flat();
  }

  #untilAllAreKnown(): Promise<void> {
    return waitFor(
      `${this.machines} machines`,
      async () => {
        const { length } = await this.leader.api.machines();
        return length === this.machines
          ? { done: true, value: undefined }
          : { done: false, saw: `${length} machines` };
      },
      120_000,
    );
  }
}

async function begin(size: ClusterSize, endings: Endings): Promise<ClusterParts> {
  const { machines, processes, ttlSeconds, behaviour, profileIn } = size;
  const directory = mkdtempSync(join(tmpdir(), 'muster-scale-'));
  await endings.add(() => rmSync(directory, { recursive: true, force: true }));
  const etcd = await startEtcd({ fsync: true });
  await endings.add(() => etcd.stop());
  const { endpoint } = etcd;
  const leader = await Leader.start({ directory, endpoint, prefix, ttlSeconds, profileIn });
  await endings.add(() => leader.stop());
  const simulators = Array.from({ length: processes }, () => new SimulatorProcess(profileIn));
  for (const simulator of simulators) await endings.add(() => simulator.stop());
  const numbers = Array.from({ length: machines }, (_, i) => i);
  await Promise.all(
    simulators.map((simulator, i) => {
      const mine = numbers.filter((number) => number % processes === i);
      return simulator.tell({
        type: 'begin',
        endpoint,
        prefix,
        machines: mine,
        ttlSeconds,
        behaviour,
      });
    }),
  );
  return { etcd, leader, simulators, machines, endings };
}
