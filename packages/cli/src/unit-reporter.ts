import type { UnitResultBody, WaitLine, WaitTarget } from '@muster/api/client';

export type ChangeVerb = 'load' | 'start' | 'stop' | 'unload' | 'restart' | 'destroy';

/** Tells what becomes of each unit that a verb was given, as it happens. */
export interface UnitReporter {
  /** The cluster has taken the unit file; `isOnly`: that is all that was asked for. */
  stored(unit: UnitResultBody, options: { readonly isOnly: boolean }): void;
  /** It was asked for, and nobody waits for it. */
  triggered(unit: { readonly name: string; readonly isGlobal: boolean }, verb: ChangeVerb): void;
  done(line: Extract<WaitLine, { type: 'done' }>, until: WaitTarget): void;
  failed(line: Extract<WaitLine, { type: 'failed' }>, until: WaitTarget): void;
  /** The waiting ended before these got there. */
  timedOut(
    pending: readonly { readonly unit: string; readonly why: string }[],
    until: WaitTarget,
  ): void;
  /** The cluster has nothing of this name. */
  missing(name: string): void;
  /** The verb makes no sense for a unit that is inactive. */
  inactive(name: string, verb: ChangeVerb): void;
  /** What was asked for cannot be done with it; one sentence says why. */
  refused(name: string, message: string): void;
  /** Everything went well. */
  finished(units: readonly string[], verb: ChangeVerb): void;
}
