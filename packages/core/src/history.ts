import type { Origin } from './model.ts';

/**
 * `audit`: who or what removed the records that a transaction removed. They are gone and cannot say
 * it themselves. Overwritten by the next transaction that removes something; the store's history
 * keeps the earlier ones as long as it keeps what they are about.
 */
export type AuditEntry =
  | { readonly type: 'destroyed'; readonly unit: string; readonly origin: Origin }
  | {
      readonly type: 'withdrawn';
      readonly unit: string;
      readonly machine: string;
      /** The leader's, one phrase for people. */
      readonly reason: string;
      /** ms since the epoch. */
      readonly at: number;
    };
