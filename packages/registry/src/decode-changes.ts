import type { ChangeBatch, Machine, RecordChange, Revision } from '@muster/core';
import {
  parseAssignment,
  parseAudit,
  parseBrake,
  parseLeader,
  parseLoss,
  parsePolicy,
  parsePresence,
  parseSettings,
  parseState,
  parseUnit,
} from './codec.ts';
import { parseRebalance } from './rebalance-codec.ts';
import type { Parsed } from './fields.ts';
import type { Keys } from './keys.ts';
import { CompactedError, revisionAt } from './store.ts';
import type { KeyEvent, StoredKey } from './store.ts';

/** One changed key of a transaction, and where in it. */
interface Changed {
  readonly index: number;
  readonly key: string;
  readonly before: StoredKey | null;
  readonly after: StoredKey | null;
}

/** The events of transactions, in order, one list for each. */
export function splitTransactions(events: readonly KeyEvent[]): readonly KeyEvent[][] {
  const transactions: KeyEvent[][] = [];
  let last: Revision = 0;
  for (const event of events) {
    const revision = revisionAt(event);
    if (revision === last) transactions.at(-1)?.push(event);
    else transactions.push([event]);
    last = revision;
  }
  return transactions;
}

/**
 * What one transaction did to records. Files, placements and keys of later versions are left out;
 * so is a change from something that does not parse: what it was before cannot be said.
 * @param events - each with what was before
 * @throws {CompactedError} when one comes without: that is no longer kept
 */
export function decodeTransaction(
  keys: Keys,
  revision: Revision,
  events: readonly KeyEvent[],
): ChangeBatch {
  const changes = events.flatMap((event, index) => decode(keys, toChanged(event, index)) ?? []);
  return { revision, changes };
}

function toChanged(event: KeyEvent, index: number): Changed {
  const { before } = event;
  if (before === undefined) throw new CompactedError('etcd no longer keeps what was before');
  return event.type === 'put'
    ? { index, key: event.stored.key, before, after: event.stored }
    : { index, key: event.key, before, after: null };
}

/** null: nothing that history tells of. */
function decode(keys: Keys, changed: Changed): RecordChange | null {
  const path = keys.path(changed.key);
  const at = { ...path, index: changed.index };
  switch (at.type) {
    case 'unit':
      return between(
        changed,
        (stored) => parseUnit(at.unit, stored),
        (both) => ({ ...at, type: 'unit', ...both }),
      );
    case 'assignment':
      return between(
        changed,
        (stored) => parseAssignment(at, stored),
        (both) => ({ ...at, type: 'assignment', ...both }),
      );
    case 'state':
      return between(
        changed,
        (stored) => parseState(at, stored),
        (both) => ({ ...at, type: 'state', ...both }),
      );
    case 'machine':
      return between(
        changed,
        (stored) => parseMachine(at.machine, stored),
        (both) => ({ ...at, type: 'machine', ...both }),
      );
    case 'settings':
      return between(
        changed,
        (stored) => parseSettings(at.machine, stored),
        (both) => ({ ...at, type: 'settings', ...both }),
      );
    case 'leader':
      return between(changed, parseLeader, (both) => ({ ...at, type: 'leader', ...both }));
    case 'brake':
      return between(changed, parseBrake, (both) => ({ ...at, type: 'brake', ...both }));
    case 'policy':
      return between(changed, parsePolicy, (both) => ({ ...at, type: 'policy', ...both }));
    case 'rebalance':
      return between(changed, parseRebalance, (both) => ({ ...at, type: 'rebalance', ...both }));
    case 'loss':
      return between(
        changed,
        (stored) => parseLoss(at.machine, stored),
        (both) => ({ ...at, type: 'loss', ...both }),
      );
    case 'audit':
      return between(changed, parseAudit, ({ after }) =>
        after === null ? null : { ...at, type: 'audit', entries: after },
      );
    case 'placement':
    case 'file':
    case 'cluster':
    case 'told':
    case 'unknown':
      return null;
  }
}

function parseMachine(id: string, stored: StoredKey): Parsed<Machine> {
  const parsed = parsePresence(id, stored);
  return parsed.type === 'malformed' ? parsed : { type: 'parsed', record: parsed.record.machine };
}

interface Both<T> {
  readonly before: T | null;
  readonly after: T | null;
}

function between<T>(
  { index, key, before: wasStored, after: isStored }: Changed,
  parse: (stored: StoredKey) => Parsed<T>,
  make: (both: Both<T>) => RecordChange | null,
): RecordChange | null {
  const before = wasStored === null ? null : parse(wasStored);
  const after = isStored === null ? null : parse(isStored);
  if (after?.type === 'malformed') return { index, type: 'corrupt', key, problem: after.problem };
  if (before?.type === 'malformed') return null;
  return make({ before: before?.record ?? null, after: after?.record ?? null });
}
