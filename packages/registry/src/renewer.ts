import type { Etcd3 } from 'etcd3';
import { revisionOf } from './etcd-messages.ts';
import type { Renewal } from './store.ts';

/** Sends one keepalive to one member. @param deadline - wall-clock ms */
export type RenewBy = (lease: string, deadline: number) => Promise<Renewal>;

/**
 * Renews leases by way of whichever member of etcd answers. The library takes a member by chance,
 * each time anew: with one of three that hangs, a third of all renewals would be without an answer
 * for their whole deadline, and a lease would be lost for nothing.
 */
export class Renewer {
  /** One for each member. */
  readonly #members: readonly RenewBy[];
  /** Who answered last, and is asked first. */
  #first = 0;
  #calls = 0;
  /** The call that `#first` answered: what is answered late says nothing of who is quick. */
  #answered = 0;

  /** @param members - not empty */
  constructor(members: readonly RenewBy[]) {
    this.#members = members;
  }

  /** A member that fails is not waited for: the next one is asked at once. See Store.renewLease. */
  async renew(lease: string, deadlineMs: number, attempt: number): Promise<Renewal> {
    const call = (this.#calls += 1);
    const first = this.#first + attempt;
    const deadline = Date.now() + deadlineMs;
    let failure: unknown;
    for (let i = 0; i < this.#members.length; i += 1) {
      const index = (first + i) % this.#members.length;
      const renewBy = this.#members[index];
      if (renewBy === undefined || (i > 0 && Date.now() >= deadline)) break;
      try {
        const renewal = await renewBy(lease, deadline);
        if (call > this.#answered) {
          this.#answered = call;
          this.#first = index;
        }
        return renewal;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

/** On a stream of its own: nothing of an earlier failure sticks to it. */
export async function renewOnce(client: Etcd3, lease: string, deadline: number): Promise<Renewal> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline });
  return new Promise((resolve, reject) => {
    stream
      .on('data', ({ TTL, header }) => {
        resolve({ ttlSeconds: Number(TTL), revision: revisionOf(header.revision), sentAfterMs: 0 });
      })
      .on('error', reject)
      .on('end', () => reject(new Error('the keepalive stream ended without an answer')));
    stream.write({ ID: lease });
    stream.end();
  });
}
