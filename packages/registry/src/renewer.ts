import type { Etcd3 } from 'etcd3';
import { revisionOf } from './etcd-messages.ts';
import { firstAnswer } from './first-answer.ts';
import type { Renewal } from './store.ts';

/**
 * Renews leases by way of whichever member of etcd answers. The library takes a member by chance,
 * each time anew: with one of three that hangs, a third of all renewals would be without an answer
 * for their whole deadline, and a lease would be lost for nothing.
 */
export class Renewer {
  /** One for each member. */
  readonly #clients: readonly Etcd3[];
  /** Who answered last, and is asked first. */
  #first = 0;

  /** @param clients - one for each member; not empty */
  constructor(clients: readonly Etcd3[]) {
    this.#clients = clients;
  }

  /** @param deadlineMs - of all attempts together */
  async renew(lease: string, deadlineMs: number): Promise<Renewal> {
    const clients = this.#clients;
    const first = this.#first;
    const deadline = Date.now() + deadlineMs;
    const order = clients.map((_, i) => (first + i) % clients.length);
    const { answer, index } = await firstAnswer(
      order.flatMap((i) => {
        const client = clients[i];
        return client === undefined ? [] : [() => renewOnce(client, lease, deadline)];
      }),
      deadlineMs / (clients.length + 1),
    );
    this.#first = order[index] ?? 0;
    return answer;
  }
}

/** Sends one keepalive on a stream of its own: nothing of an earlier failure sticks to it. */
async function renewOnce(client: Etcd3, lease: string, deadline: number): Promise<Renewal> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline });
  return new Promise((resolve, reject) => {
    stream
      .on('data', ({ TTL, header }) => {
        resolve({ ttlSeconds: Number(TTL), revision: revisionOf(header.revision) });
      })
      .on('error', reject)
      .on('end', () => reject(new Error('the keepalive stream ended without an answer')));
    stream.write({ ID: lease });
    stream.end();
  });
}
