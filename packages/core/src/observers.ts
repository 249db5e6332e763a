/**
 * How a call to somebody else ended: `ok`, it was done; `refused`, the answer was no; `unanswered`,
 * there was none, and whether it was done is not known.
 */
export type CallResult = 'ok' | 'refused' | 'unanswered';

/**
 * Told when a call begins; the function that it returns is told, once, how it ended. For counting
 * and timing: nothing is decided from it, and it must not throw.
 */
export type CallObserver = (operation: string) => (result: CallResult) => void;

/** One pass of a loop. `ms`: how long it took, pauses after it not counted. */
export interface PassEnd {
  readonly ms: number;
  readonly isFailed: boolean;
}
