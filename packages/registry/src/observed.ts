import type { CallObserver } from '@muster/core';
import { isAnswer } from './contact.ts';
import type { Store, Txn, Watch, WatchListener, WatchRange } from './store.ts';

/** Told what goes on between this process and the store, for counting. Must not throw. */
export interface RegistryObserver {
  /**
   * Operations are `read`, `write`, `lease-grant`, `lease-renew`, `lease-left`, `lease-revoke` and
   * `compact`.
   */
  readonly call: CallObserver;
  /** The store answers (again), or no longer; told when that changes, and the first time. */
  readonly contact: (isUnbroken: boolean) => void;
  /** A stream of changes runs. */
  readonly watchOpened: () => void;
  /** One broke, or could not be opened; streams are opened again by themselves. */
  readonly watchFailed: () => void;
  /** Everything in some ranges was read anew instead of going on with a stream. */
  readonly fullRead: () => void;
  /** This machine's lease: `gone` is how it is noticed that it ended. */
  readonly leaseRenewal: (result: 'renewed' | 'gone' | 'unanswered') => void;
}

/** The same store, observed. */
export function observed(observer: RegistryObserver, store: Store): Store {
  const call = async <T>(operation: string, act: () => Promise<T>): Promise<T> => {
    const ended = observer.call(operation);
    try {
      const value = await act();
      ended('ok');
      return value;
    } catch (error) {
      ended(isAnswer(error) ? 'refused' : 'unanswered');
      throw error;
    }
  };
  return {
    txn: (txn) => call(isRead(txn) ? 'read' : 'write', () => store.txn(txn)),
    grantLease: (ttlSeconds) => call('lease-grant', () => store.grantLease(ttlSeconds)),
    renewLease: (lease, ms, attempt) =>
      call('lease-renew', () => store.renewLease(lease, ms, attempt)),
    leaseLeft: (lease) => call('lease-left', () => store.leaseLeft(lease)),
    revokeLease: (lease) => call('lease-revoke', () => store.revokeLease(lease)),
    compact: (revision) => call('compact', () => store.compact(revision)),
    watch: (ranges, listener) => observedWatch(observer, store, ranges, listener),
    close: () => store.close(),
  };
}

function isRead({ success }: Txn): boolean {
  return success.every(({ type }) => type === 'get');
}

function observedWatch(
  observer: RegistryObserver,
  store: Store,
  ranges: readonly WatchRange[],
  listener: WatchListener,
): Watch {
  return store.watch(ranges, {
    opened: (revision) => {
      observer.watchOpened();
      listener.opened(revision);
    },
    events: (range, events, revision) => listener.events(range, events, revision),
    failed: (error) => {
      observer.watchFailed();
      listener.failed(error);
    },
  });
}
