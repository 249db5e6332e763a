import { createApiClient } from '@muster/api/client';
import type { ApiClient, UnitRequest, UnitStateBody, WaitTarget } from '@muster/api/client';
import { Lab, waitFor } from './lab.ts';
import type { Probed, UpOptions } from './lab.ts';

/** A unit somewhere, as a person would name it in a failure: `web.service on 3 (active/running)`. */
export interface Running {
  readonly unit: string;
  /** Number of the lab machine. */
  readonly machine: number;
  readonly mainPid: number;
}

/** A lab with musterd on each machine, and what tests ask of it. */
export class Cluster {
  readonly lab: Lab;
  readonly machines: number;
  /** machine-id → number of the lab machine */
  readonly numbers: ReadonlyMap<string, number>;

  readonly #sockets = new Map<number, string>();

  private constructor(lab: Lab, machines: number, numbers: ReadonlyMap<string, number>) {
    this.lab = lab;
    this.machines = machines;
    this.numbers = numbers;
  }

  /** Boots the lab and waits until every machine is a member. */
  static async up(machines: number, options: UpOptions = {}, lab = new Lab()): Promise<Cluster> {
    await lab.up(machines, options);
    const status = await lab.status();
    const numbers = new Map(status.machines.map((m) => [m.id, m.machine]));
    const cluster = new Cluster(lab, machines, numbers);
    await cluster.waitForMembers(machines);
    return cluster;
  }

  /** @param user - who asks, for the record */
  async api(via = 1, user?: string): Promise<ApiClient> {
    const socket = this.#sockets.get(via) ?? (await this.lab.socket(via));
    this.#sockets.set(via, socket);
    const named = user === undefined ? {} : { user };
    return createApiClient({ endpoint: `unix:${socket}`, timeoutMs: 10_000, ...named });
  }

  async waitForMembers(count: number, via = 1): Promise<void> {
    const api = await this.api(via);
    await waitFor(
      `${count} machines and a leader`,
      async () => {
        const [machines, cluster] = [await api.machines(), await api.cluster()];
        const present = machines.filter((machine) => machine.awaySince === null).length;
        return present === count && cluster.leader !== null
          ? { done: true, value: undefined }
          : {
              done: false,
              saw: `${present} machines, leader ${cluster.leader?.machine ?? 'none'}`,
            };
      },
      30_000,
    );
  }

  /** Submits units and waits until all are in the state. @throws with what each unit that is not says */
  async launch(
    units: readonly UnitRequest[],
    until: WaitTarget = 'launched',
    via = 1,
  ): Promise<void> {
    const api = await this.api(via);
    const desiredState = until === 'loaded' ? 'loaded' : 'launched';
    const { revision } = await api.writeUnits(units.map((unit) => ({ desiredState, ...unit })));
    await this.wait(
      units.map((unit) => unit.name),
      { until, afterRevision: revision, via },
    );
  }

  async wait(
    names: readonly string[],
    {
      until,
      afterRevision = 0,
      via = 1,
    }: { until: WaitTarget; afterRevision?: number; via?: number },
  ): Promise<void> {
    const api = await this.api(via);
    const lines: string[] = [];
    for await (const line of api.wait({
      units: [...names],
      until,
      afterRevision,
      timeoutMs: 60_000,
    })) {
      lines.push(JSON.stringify(line));
      if (line.type === 'end' && line.failed === 0 && line.pending.length === 0) return;
    }
    throw new Error(
      `waited for ${names.join(', ')} to be ${until}; musterd said:\n${lines.join('\n')}`,
    );
  }

  async destroy(names: readonly string[], via = 1): Promise<void> {
    const { revision } = await (await this.api(via)).destroyUnits(names);
    await this.wait(names, { until: 'absent', afterRevision: revision, via });
  }

  /** Current states as the API of machine `via` has them. */
  async states(via = 1): Promise<readonly UnitStateBody[]> {
    return (await this.api(via)).states();
  }

  /** Waits until a unit is active, by its state in the store, on exactly one of these machines. */
  async waitForActive(
    unit: string,
    on: readonly number[],
    timeoutMs: number,
    via: number,
  ): Promise<number> {
    return waitFor(
      `${unit} to be active on one of ${on.join()}`,
      async (): Promise<Probed<number>> => {
        const states = (await this.states(via)).filter((state) => state.unit === unit);
        const active = states.filter((s) => s.activeState === 'active' && s.isCurrent);
        const number = this.numbers.get(active[0]?.machine ?? '') ?? 0;
        if (active.length === 1 && on.includes(number)) return { done: true, value: number };
        return {
          done: false,
          saw:
            states.map((s) => `${this.numbers.get(s.machine)}: ${s.activeState}`).join(', ') ||
            'no state',
        };
      },
      timeoutMs,
    );
  }

  /** Keys of the cluster in etcd, and the revision at which each was written last. */
  async keys(): Promise<ReadonlyMap<string, string>> {
    const answer: { kvs?: { key: string; mod_revision: string }[] } = JSON.parse(
      await this.#askEtcd('range', { keys_only: true }),
    );
    return new Map((answer.kvs ?? []).map((kv) => [atob(kv.key), kv.mod_revision]));
  }

  /** Takes everything of the cluster out of etcd. */
  async wipeStore(): Promise<void> {
    await this.#askEtcd('deleterange', {});
  }

  /** Asks etcd itself, from inside the lab's network, about everything below `/muster/`. */
  async #askEtcd(what: 'range' | 'deleterange', options: object): Promise<string> {
    const { endpoints } = await this.lab.status();
    const body = { key: btoa('/muster/'), range_end: btoa('/muster0'), ...options };
    const script = `fetch(process.argv[1], { method: 'POST', body: process.argv[2] })
      .then(async (answer) => {
        process.exitCode = answer.ok ? 0 : 1;
        console.log(await answer.text());
      })`;
    const url = `${endpoints[0]}/v3/kv/${what}`;
    return this.lab.net(process.execPath, '-e', script, url, JSON.stringify(body));
  }

  /** What systemd itself runs of these units, on machines that are on. */
  async running(units: readonly string[]): Promise<readonly Running[]> {
    const found: Running[] = [];
    for (const { machine, state } of (await this.lab.status()).machines) {
      if (state !== 'running') continue;
      for (const unit of units) {
        const pid = await this.lab.sh(machine, `systemctl show -P MainPID -- ${quote(unit)}`);
        if (pid !== '0' && pid !== '') found.push({ unit, machine, mainPid: Number(pid) });
      }
    }
    return found;
  }
}

/** A word for sh. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A service that runs until it is stopped. */
export function sleeper(name: string, fleet = ''): UnitRequest {
  const placement = fleet === '' ? '' : `[X-Fleet]\n${fleet}\n`;
  return { name, file: `[Service]\nExecStart=/bin/sleep infinity\n${placement}` };
}
