/** What was seen that must not be. */
export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  /** What was seen, in one or two sentences. */
  readonly seen: string;
  /** Words by which the lines of the trace that matter are found. */
  readonly about: readonly string[];
}

/** What is checked; docs/failure.md says each in words. */
export const invariants = {
  I1: 'a unit that is not global is up on two machines, unexplained',
  I2: 'something that runs is stopped or moved without a cause',
  I3: 'the old copy is stopped before the new one is up',
  I4: 'a constraint does not hold',
  I5: 'a write of one who does not lead any more was applied',
  I6: 'after the faults have ended, what is desired does not become what is',
  I9: 'an agent goes back to an older assignment, or follows one that was withdrawn long ago',
  I10: 'something is left of a unit that was destroyed',
  E1: 'a unit is started twice in one boot without a cause',
  P1: 'a plan of what has changed differs from one that thinks of every unit anew',
  R1: 'something is written though nothing happens',
  S1: 'a state in the store is not what the machine has',
} as const;
export type Invariant = keyof typeof invariants;
