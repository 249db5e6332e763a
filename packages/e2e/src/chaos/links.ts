import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Cluster } from '../cluster.ts';

/** How a relay treats what passes; `up` is the way to etcd. */
export interface LinkState {
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly hold?: 'none' | 'up' | 'down' | 'both';
}

/** First port of the relays for machines, in the lab's network. */
const firstPort = 20_000;

/**
 * The lab's relays: a unix socket to each member of etcd for this process, and a way to etcd for
 * some machines that can be made bad.
 */
export class Links {
  /** Unix sockets to the members of etcd. */
  readonly sockets: readonly string[];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: Interface;
  readonly #members: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcessWithoutNullStreams, sockets: readonly string[]) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout });
    this.#members = sockets.length;
    this.sockets = sockets;
  }

  /** @param proxied - machines whose musterd is led through relays from now on; it is restarted */
  static async open(cluster: Cluster, proxied: readonly number[]): Promise<Links> {
    const { etcd } = await cluster.lab.status();
    const sockets = etcd.map(({ member }) => `/run/muster-lab/${cluster.lab.name}/relay${member}`);
    const links = new Links(cluster.lab.relay(), sockets);
    const [first] = etcd;
    const gateway = `${first?.address.split('.').slice(0, 3).join('.')}.1`;
    for (const [i, { address, member }] of etcd.entries()) {
      const to = `${address}:2379`;
      await links.#ask({ open: `member ${member}`, listen: sockets[i], to });
      for (const machine of proxied) {
        const listen = `${gateway}:${portOf(machine, member)}`;
        await links.#ask({ open: linkName(machine, member), listen, to });
      }
    }
    for (const machine of proxied) {
      const endpoints = etcd.map(({ member }) => `http://${gateway}:${portOf(machine, member)}`);
      await leadThrough(cluster, machine, endpoints);
    }
    return links;
  }

  /** All ways of a machine to etcd; `{}`: as good as without a relay. */
  async set(machine: number, state: LinkState): Promise<void> {
    for (let member = 1; member <= this.#members; member += 1) {
      await this.#ask({ set: linkName(machine, member), ...state });
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.stdin.end();
    await ended;
  }

  /** One request at a time: answers come in their order. */
  #ask(request: object): Promise<void> {
    const turn = this.#last.then(async () => {
      const answered = once(this.#answers, 'line', { signal: AbortSignal.timeout(10_000) });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
      const [line]: unknown[] = await answered;
      const answer: { error?: string } = JSON.parse(String(line));
      if (answer.error !== undefined) throw new Error(`the lab's relays: ${answer.error}`);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

async function leadThrough(
  cluster: Cluster,
  machine: number,
  endpoints: readonly string[],
): Promise<void> {
  const file = '/etc/systemd/system/musterd.service.d/60-relay.conf';
  await cluster.lab.sh(
    machine,
    `printf '[Service]\\nEnvironment=MUSTER_ETCD_ENDPOINTS=${endpoints.join(',')}\\n' >${file}
     systemctl daemon-reload && systemctl restart musterd`,
  );
}

function linkName(machine: number, member: number): string {
  return `machine ${machine} to member ${member}`;
}

function portOf(machine: number, member: number): number {
  return firstPort + machine * 10 + member;
}
