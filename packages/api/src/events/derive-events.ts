import type { ChangeBatch, RecordChange } from '@muster/core';
import type { EventBody, EventContent } from './event.ts';
import { brakeEvent, lossEvent } from './brake-events.ts';
import { leaderEvent, machineEvent, settingsEvent } from './machine-events.ts';
import { policyEvent } from './policy-events.ts';
import { rebalanceEvent } from './rebalance-events.ts';
import { assignmentEvent, stateEvent, unitEvent } from './unit-events.ts';
import type { Transaction } from './unit-events.ts';

/**
 * What there is to tell of a transaction, in its order. At most one event for each key, so that an
 * event's place does not depend on what this version knows of the others.
 */
export function eventsOf({ revision, changes }: ChangeBatch): readonly EventBody[] {
  const transaction: Transaction = {
    audit: changes.flatMap((change) => (change.type === 'audit' ? change.entries : [])),
    left: new Set(
      changes.flatMap((change) =>
        change.type === 'machine' && change.after === null ? [change.machine] : [],
      ),
    ),
  };
  return changes.flatMap((change) => {
    const content = contentOf(change, transaction);
    const { index } = change;
    return content === null ? [] : [{ id: `${revision}.${index}`, revision, index, ...content }];
  });
}

function contentOf(change: RecordChange, transaction: Transaction): EventContent | null {
  switch (change.type) {
    case 'unit':
      return unitEvent(change, transaction);
    case 'assignment':
      return assignmentEvent(change, transaction);
    case 'state':
      return stateEvent(change, transaction);
    case 'machine':
      return machineEvent(change);
    case 'settings':
      return settingsEvent(change);
    case 'leader':
      return leaderEvent(change);
    case 'brake':
      return brakeEvent(change);
    case 'policy':
      return policyEvent(change);
    case 'rebalance':
      return rebalanceEvent(change);
    case 'loss':
      return lossEvent(change);
    case 'corrupt': {
      const { key, problem } = change;
      return {
        type: 'record-corrupt',
        time: null,
        unit: null,
        machine: null,
        by: null,
        reason: null,
        text: `the record ${key} does not parse: ${problem}`,
        details: { key, problem },
      };
    }
    case 'audit':
      return null;
  }
}
