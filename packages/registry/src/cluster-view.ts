import { StoreUnavailableError } from '@muster/core';
import type { Clock, ClusterSnapshot, ClusterView, Log, Revision, Unsubscribe } from '@muster/core';
import { ChangedKeys } from './changed-keys.ts';
import { ClusterModel } from './cluster-model.ts';
import type { Contact } from './contact.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { Keyspace } from './keyspace.ts';
import { Listeners } from './listeners.ts';
import type { Store } from './store.ts';

export interface SharedViewOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly contact: Pick<Contact, 'onRevision'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Everything was read anew. */
  readonly onRead?: () => void;
}

const idleMs = 60_000;
const idleCheckMs = 10_000;
/** How long `open` waits for the first complete picture. */
const openMs = 10_000;

interface Picture {
  readonly keyspace: Keyspace;
  readonly model: ClusterModel;
  /** As it was handed out last; null: something has changed since, perhaps at the same revision. */
  shown: ClusterSnapshot | null;
}

/**
 * One picture of the whole cluster for everybody in this process who wants one. It is let go when
 * for a minute nobody has listened to it or looked at it, and made again when somebody does.
 */
export class SharedView {
  readonly #options: SharedViewOptions;
  readonly #changed = new Listeners();
  /** Of views whose owners ask for it. */
  readonly #collectors = new Set<ChangedKeys>();
  readonly #over = new AbortController();
  #picture: Picture | null = null;
  #lastUse = 0;
  #idling: Promise<void> = Promise.resolve();

  constructor(options: SharedViewOptions) {
    this.#options = options;
    options.guard.onChange(() => this.#changed.call());
  }

  /**
   * @throws {StoreUnavailableError} when there was no complete picture in time
   * @throws {StoreUntrustedError}
   */
  async open(): Promise<ClusterView> {
    await this.#atLeast(1, openMs);
    const mine = new Set<Unsubscribe>();
    let collector: ChangedKeys | null = null;
    return {
      snapshot: () => this.#snapshot(),
      atLeast: (revision, timeoutMs) => this.#atLeast(revision, timeoutMs),
      refresh: (timeoutMs) => this.#use().keyspace.refresh(timeoutMs),
      onChange: (listener) => {
        const unsubscribe = this.#changed.add(listener);
        mine.add(unsubscribe);
        return unsubscribe;
      },
      changed: () => {
        if (collector === null) this.#collectors.add((collector = new ChangedKeys()));
        return collector.take();
      },
      close: () => {
        for (const unsubscribe of mine) unsubscribe();
        if (collector !== null) this.#collectors.delete(collector);
        return Promise.resolve();
      },
    };
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#picture?.keyspace.close();
    await this.#idling;
  }

  #snapshot(): ClusterSnapshot {
    const picture = this.#use();
    const { keyspace, model, shown } = picture;
    const { guard } = this.#options;
    guard.assertTrusted();
    const clusterId = guard.clusterId();
    if (keyspace.revision === 0 || clusterId === null) {
      throw new StoreUnavailableError('etcd: there is no complete picture of the cluster yet');
    }
    if (shown?.revision === keyspace.revision && shown.clusterId === clusterId) return shown;
    picture.shown = model.snapshot(keyspace.revision, clusterId);
    return picture.shown;
  }

  async #atLeast(revision: Revision, timeoutMs: number): Promise<ClusterSnapshot> {
    const { guard } = this.#options;
    guard.assertTrusted();
    try {
      await this.#use().keyspace.atLeast(revision, timeoutMs);
    } catch (error) {
      guard.assertTrusted();
      throw error;
    }
    return this.#snapshot();
  }

  #use(): Picture {
    this.#lastUse = this.#options.clock.monotonic();
    this.#picture ??= this.#begin();
    return this.#picture;
  }

  #begin(): Picture {
    if (this.#over.signal.aborted) throw new StoreUnavailableError('the registry is closed');
    const { keys, log } = this.#options;
    const model = new ClusterModel(keys);
    for (const collector of this.#collectors) collector.addAll();
    const keyspace = new Keyspace({
      ...this.#options,
      ranges: [keys.all],
      clusterKey: keys.cluster,
      apply: (changes) => {
        picture.shown = null;
        for (const collector of this.#collectors) {
          for (const { key } of changes) collector.add(keys.path(key));
        }
        for (const { key, problem } of model.apply(changes)) {
          log.warn({ key, problem }, 'a record in etcd does not parse; it is left alone');
        }
      },
    });
    keyspace.onChange(() => this.#changed.call());
    const picture: Picture = { keyspace, model, shown: null };
    keyspace.start();
    this.#idling = this.#idling.then(() => this.#letGoWhenIdle(picture));
    return picture;
  }

  async #letGoWhenIdle({ keyspace }: Picture): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      const isIdle = this.#changed.size === 0 && clock.monotonic() - this.#lastUse >= idleMs;
      if (isIdle) break;
      await clock.sleep(idleCheckMs, signal);
    }
    if (signal.aborted) return;
    this.#picture = null;
    await keyspace.close();
  }
}
