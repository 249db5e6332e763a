import { StoreUnavailableError } from '@muster/core';
import { ExponentialBackoff, handleWhen, noop, retry } from 'cockatiel';
import { Etcd3, isRecoverableError } from 'etcd3';
import type { IOptions } from 'etcd3';
import { translateEtcdError } from './etcd-errors.ts';
import { bounds, revisionOf, toCompare, toRequest, toStoredKey } from './etcd-messages.ts';
import { openEtcdWatch } from './etcd-watch.ts';
import { Renewer, renewOnce } from './renewer.ts';
import { CompactedError } from './store.ts';
import type { Renewal, Store, Txn, TxnResult, Watch, WatchListener, WatchRange } from './store.ts';

export interface EtcdOptions {
  /** `http://host:port`, `https://host:port` or `unix:/absolute/path`; at least one. */
  readonly endpoints: readonly string[];
  /** PEM; `cert` and `key` are the client's own, both or neither. */
  readonly tls?: EtcdTls;
}

interface EtcdTls {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Of one attempt of a unary call. */
const callDeadlineMs = 2000;
/** Of a call with all its attempts. gRPC's deadlines are times of the wall clock, which can be set. */
const callLimitMs = 10_000;
/** What a deadline may be late. */
const lateMs = 500;
const watchOpenMs = 5000;
/** A client that is not answered for so long gets new connections. */
const silentMs = 5000;

/** The store on a real etcd. Constructing it connects to nothing yet. */
export class EtcdStore implements Store {
  readonly #options: EtcdOptions;
  readonly #endpoints: string;
  #generation = 0;
  #client: Etcd3;
  /** One for each member; gRPC has them share the connections of the one for all. */
  #clients: readonly Etcd3[];
  #renewer: Renewer;
  /** When the first of the calls began that this client has had no answer to; null: the last was answered. */
  #unansweredSince: number | null = null;
  #openWatches = 0;
  #closed = false;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.#endpoints = options.endpoints.join(', ');
    this.#client = new Etcd3(clientOptions(options, 0));
    this.#clients = this.#clientsOfMembers();
    this.#renewer = renewerBy(this.#clients);
  }

  async txn(txn: Txn): Promise<TxnResult> {
    const { compare = [], success, failure = [] } = txn;
    const answer = await this.#call('answer a transaction', (client) =>
      client.kv.txn({
        compare: compare.map(toCompare),
        success: success.map(toRequest),
        failure: failure.map(toRequest),
      }),
    );
    const ops = answer.succeeded ? success : failure;
    const gets = answer.responses
      .filter((_, i) => ops[i]?.type === 'get')
      .map(({ response_range: page }) => ({
        keys: page.kvs.map(toStoredKey),
        more: page.more,
        count: Number(page.count),
      }));
    return { succeeded: answer.succeeded, revision: revisionOf(answer.header.revision), gets };
  }

  async grantLease(ttlSeconds: number): Promise<{ lease: string; ttlSeconds: number }> {
    const granted = await this.#call('grant a lease', (client) =>
      client.leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(ttlSeconds)) }),
    );
    return { lease: granted.ID, ttlSeconds: Number(granted.TTL) };
  }

  renewLease(lease: string, deadlineMs: number, attempt = 0): Promise<Renewal> {
    const renew = (): Promise<Renewal> => this.#renewer.renew(lease, deadlineMs, attempt);
    return this.#call('renew a lease', renew, deadlineMs + lateMs);
  }

  async leaseLeft(lease: string): Promise<{ leftSeconds: number; grantedSeconds: number } | null> {
    const left = await this.#call('say how long a lease lasts', (client) =>
      client.leaseClient.leaseTimeToLive({ ID: lease }),
    );
    const leftSeconds = Number(left.TTL);
    return leftSeconds < 0 ? null : { leftSeconds, grantedSeconds: Number(left.grantedTTL) };
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#call('revoke a lease', (client) =>
      client.leaseClient.leaseRevoke({ ID: lease }).catch((error: unknown) => {
        // Gone already (also by an attempt of ours whose answer was lost): that is what was wanted.
        if (!String(error).includes('lease')) throw error;
      }),
    );
  }

  async compact(revision: number): Promise<void> {
    try {
      await this.#call('compact', (client) => client.kv.compact({ revision }));
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
    }
  }

  watch(ranges: readonly WatchRange[], listener: WatchListener): Watch {
    const client = this.#client;
    return openEtcdWatch({
      client: client.watchClient,
      requests: ranges.map(({ range, from, withBefore = false }) => ({
        ...bounds(range),
        start_revision: from,
        prev_kv: withBefore,
        // With what was before, a thousand revisions can be more than an answer may hold.
        fragment: withBefore,
      })),
      openWithinMs: watchOpenMs,
      translate: (error) => translateEtcdError(error, this.#endpoints, 'keep a watch open'),
      // A connection that was accepted and never answers is not noticed by gRPC: start afresh.
      hung: () => this.#replace(client),
      stands: (isOpen) => (this.#openWatches += isOpen ? 1 : -1),
      listener,
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const client of new Set([this.#client, ...this.#clients])) client.close();
    return Promise.resolve();
  }

  #replace(hung: Etcd3): void {
    if (this.#closed || this.#client !== hung) return;
    this.#generation += 1;
    this.#unansweredSince = null;
    const former = new Set([hung, ...this.#clients]);
    this.#client = new Etcd3(clientOptions(this.#options, this.#generation));
    this.#clients = this.#clientsOfMembers();
    this.#renewer = renewerBy(this.#clients);
    for (const client of former) client.close();
  }

  #clientsOfMembers(): readonly Etcd3[] {
    const { endpoints } = this.#options;
    if (endpoints.length === 1) return [this.#client];
    return endpoints.map((endpoint) => {
      const options = { ...this.#options, endpoints: [endpoint] };
      return new Etcd3(clientOptions(options, this.#generation));
    });
  }

  async #call<T>(
    doing: string,
    call: (client: Etcd3) => Promise<T>,
    limitMs = callLimitMs,
  ): Promise<T> {
    const client = this.#client;
    const began = performance.now();
    try {
      const answer = await within(limitMs, call(client));
      this.#unansweredSince = null;
      return answer;
    } catch (cause) {
      const error = translateEtcdError(cause, this.#endpoints, doing);
      if (isOutage(error)) this.#noteUnanswered(client, began);
      throw error;
    }
  }

  /**
   * The kernel repeats an attempt to connect ever more rarely: after half a minute without a network
   * it would take another half to find out that there is one again. So attempts begin anew.
   */
  #noteUnanswered(client: Etcd3, began: number): void {
    // A connection on which a watch is open is there: it is etcd that does not answer.
    if (this.#client !== client || this.#openWatches > 0) return;
    this.#unansweredSince ??= began;
    if (performance.now() - this.#unansweredSince >= silentMs) this.#replace(client);
  }
}

function isOutage(error: Error): boolean {
  return error instanceof StoreUnavailableError && !(error instanceof CompactedError);
}

function renewerBy(clients: readonly Etcd3[]): Renewer {
  return new Renewer(
    clients.map((client) => (lease, deadline) => renewOnce(client, lease, deadline)),
  );
}

/** Rejects when there is no answer after so many milliseconds, whatever becomes of the wall clock. */
function within<T>(limitMs: number, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer for ${limitMs} ms`)), limitMs);
    void call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @param generation — a new one gets connections of its own; gRPC shares those of equal options */
function clientOptions({ endpoints, tls }: EtcdOptions, generation: number): IOptions {
  return {
    hosts: [...endpoints],
    ...(tls === undefined ? {} : { credentials: credentials(tls) }),
    grpcOptions: {
      'grpc.primary_user_agent': `muster/${generation}`,
      // etcd tears down connections that ping more often than every 5 s.
      'grpc.keepalive_time_ms': 6000,
      'grpc.keepalive_timeout_ms': 2000,
      'grpc.keepalive_permit_without_calls': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': 64 << 20,
      'grpc-node.flow_control_window': 1 << 20,
      // etcd is never behind a proxy, whatever http_proxy says.
      'grpc.enable_http_proxy': 0,
    },
    defaultCallOptions: (context) =>
      context.isStream ? {} : { deadline: Date.now() + callDeadlineMs },
    faultHandling: {
      // A shut breaker would keep every call away from an etcd that is back, for 5 s.
      host: () => noop,
      global: retry(handleWhen(isRecoverableError), {
        maxAttempts: 2,
        backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 500 }),
      }),
    },
  };
}

function credentials({ ca, cert, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: ca,
    ...(cert === undefined ? {} : { certChain: cert }),
    ...(key === undefined ? {} : { privateKey: key }),
  };
}
