import type {
  Assignment,
  Brake,
  Loss,
  Machine,
  MachineSettings,
  Policy,
  Rebalance,
  Revision,
  Unit,
  UnitState,
} from '@muster/core';
import type { Transition } from './transition.ts';

/**
 * What an event can be about. A program must step over types that it does not know: later versions
 * may have more.
 */
export const eventTypes = [
  'unit-submitted',
  'unit-changed',
  'unit-destroyed',
  'unit-assigned',
  'unit-reassigned',
  'unit-withdrawn',
  'unit-state',
  'machine-joined',
  'machine-changed',
  'machine-away',
  'machine-back',
  'machine-left',
  'metadata-changed',
  'loss-accepted',
  'machine-forgotten',
  'brake-on',
  'brake-off',
  'policy-changed',
  'rebalance-begun',
  'rebalance-stopped',
  'rebalance-failed',
  'rebalance-over',
  'leader-elected',
  'leader-lost',
  'record-corrupt',
] as const;
export type EventType = (typeof eventTypes)[number];

export type UnitFacts = Pick<Unit, 'hash' | 'desiredState' | 'restarts' | 'perMachine'>;
export type AssignmentFacts = Pick<
  Assignment,
  'hash' | 'desiredState' | 'restarts' | 'starts' | 'role' | 'incarnation'
>;
export type StateFacts = Pick<
  UnitState,
  | 'loadState'
  | 'activeState'
  | 'subState'
  | 'result'
  | 'exit'
  | 'flapping'
  | 'problem'
  | 'invocationId'
  | 'hash'
  | 'since'
>;
export type MachineFacts = Pick<
  Machine,
  'hostname' | 'address' | 'apiUrl' | 'metadata' | 'capacity' | 'version' | 'bootId' | 'awaySince'
>;

type LossFacts = Pick<Loss, 'isForgotten'>;
type RebalanceFacts = Pick<Rebalance, 'limit' | 'atOnce' | 'moved'>;
type BrakeFacts = Pick<Brake, 'isOn' | 'machines'>;

type EventDetails =
  | {
      readonly type: 'unit-submitted' | 'unit-changed' | 'unit-destroyed';
      readonly details: Transition<UnitFacts>;
    }
  | {
      readonly type: 'unit-assigned' | 'unit-reassigned' | 'unit-withdrawn';
      readonly details: Transition<AssignmentFacts>;
    }
  | { readonly type: 'unit-state'; readonly details: Transition<StateFacts> }
  | {
      readonly type:
        'machine-joined' | 'machine-changed' | 'machine-away' | 'machine-back' | 'machine-left';
      readonly details: Transition<MachineFacts>;
    }
  | {
      /** What the operator set; null hides a key of the machine's own configuration. */
      readonly type: 'metadata-changed';
      readonly details: Transition<MachineSettings['metadata']>;
    }
  | {
      readonly type: 'loss-accepted' | 'machine-forgotten';
      readonly details: Transition<LossFacts>;
    }
  | {
      readonly type: 'policy-changed';
      readonly details: Transition<Pick<Policy, 'placement' | 'rebalance'>>;
    }
  | {
      readonly type:
        'rebalance-begun' | 'rebalance-stopped' | 'rebalance-failed' | 'rebalance-over';
      readonly details: Transition<RebalanceFacts>;
    }
  | { readonly type: 'brake-on' | 'brake-off'; readonly details: Transition<BrakeFacts> }
  | {
      readonly type: 'leader-elected' | 'leader-lost';
      readonly details: { readonly apiUrl: string | null };
    }
  | {
      readonly type: 'record-corrupt';
      readonly details: { readonly key: string; readonly problem: string };
    };

/** What happened, without where in history it did. */
export type EventContent = EventDetails & {
  /**
   * ms since the epoch, by the clock of the machine that did it: times of different machines do not
   * say what came first, revisions do. null: nobody noted it.
   */
  readonly time: number | null;
  readonly unit: string | null;
  /** Machine id. */
  readonly machine: string | null;
  /** Who asked for it; null: nobody did, or it is not known. */
  readonly by: string | null;
  /** Why, one phrase for people; null: there is no more to say, or it is not known. */
  readonly reason: string | null;
  /** All of it in one sentence, for people. */
  readonly text: string;
};

/** One event. The same change is the same event, letter for letter, whoever reads it and when. */
export type EventBody = EventContent & {
  /** `REVISION.INDEX`, to go on after it. */
  readonly id: string;
  /** Of the store; everything that one transaction did has the same. */
  readonly revision: Revision;
  /** Position in the transaction. Not every position has an event. */
  readonly index: number;
};

/** The last line of events that do not follow: everything up to here was sent. */
export interface EventsEnd {
  readonly revision: Revision;
}

/** The last line of events that could not go on. */
export interface EventsError {
  readonly code: string;
  readonly message: string;
  /** With `compacted`: the revision to go on after. */
  readonly oldest?: Revision;
}
