/**
 * machine → since when (boot-clock ms) this leader has seen that it has assignments and no
 * presence. A machine that is missing here may not be taken for gone.
 */
export type Absences = ReadonlyMap<string, number>;

export interface AbsenceSight {
  /** Machines that have assignments and no presence now. */
  readonly absent: ReadonlySet<string>;
  /** Boot-clock ms. */
  readonly now: number;
  /** Boot-clock ms since when every call to the store was answered; null while one is not. */
  readonly contactSince: number | null;
  /** Younger contact says nothing: others may not have been able to renew their leases either. */
  readonly matureMs: number;
}

/** What is known of absences after one more look. An absence begins anew after contact was lost. */
export function noteAbsences(before: Absences, sight: AbsenceSight): Absences {
  const { absent, now, contactSince, matureMs } = sight;
  if (contactSince === null || now < contactSince + matureMs) return new Map();
  const earliest = contactSince + matureMs;
  return new Map(
    [...absent].map((machine) => [machine, Math.max(before.get(machine) ?? now, earliest)]),
  );
}
