import { backoffMs } from './backoff.ts';
import type { PassEnd } from './observers.ts';
import type { Clock } from './ports.ts';

/** One look at the world and what follows from it; throws when it could not look or not act. */
export type Pass = (signal: AbortSignal) => Promise<void>;

export interface ReconcileLoopOptions {
  readonly clock: Clock;
  readonly pass: Pass;
  /** A pass is made at least this often, kicked or not. */
  readonly resyncMs: number;
  /**
   * The pause after a pass that took so many milliseconds, however often the loop is kicked: it
   * bounds the part of the time that passes take. Without it there is none.
   */
  readonly restMs?: (passMs: number) => number;
  /** The longest delay after failures. */
  readonly maxBackoffMs?: number;
  readonly onFailure: (error: unknown, failures: number) => void;
  /** After each pass, but for one that the signal cut short. Must not throw. */
  readonly onPass?: (pass: PassEnd) => void;
}

/**
 * Runs a pass again and again: when kicked, when the resync interval is over, and with growing
 * delay after a failure. Events only kick; they carry no payload, so one that is lost, repeated or
 * late changes when a pass is made, never what it decides. There is never more than one pass at a
 * time.
 */
export class ReconcileLoop {
  readonly #options: ReconcileLoopOptions;
  #resyncMs: number;
  #dirty = false;
  #wake: (() => void) | null = null;

  constructor(options: ReconcileLoopOptions) {
    this.#options = options;
    this.#resyncMs = options.resyncMs;
  }

  /** Another resync interval, from now on; when it differs a pass is made soon. */
  setResync(ms: number): void {
    if (ms === this.#resyncMs) return;
    this.#resyncMs = ms;
    this.kick();
  }

  /** Asks for a pass soon. Kicks during a pass cause exactly one more. */
  kick(): void {
    this.#dirty = true;
    this.#wake?.();
  }

  /** Resolves after the pass in flight once the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pass, restMs, maxBackoffMs, onFailure, onPass } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      this.#dirty = false;
      const began = clock.monotonic();
      try {
        await pass(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        onFailure(error, failures);
      }
      const passMs = clock.monotonic() - began;
      onPass?.({ ms: passMs, isFailed: failures > 0 });
      // A failing pass waits out its delay even when kicked: a hot watch cannot defeat it.
      if (failures > 0) await clock.sleep(backoffMs(failures, 200, maxBackoffMs), signal);
      else {
        if (restMs !== undefined) await clock.sleep(restMs(passMs), signal);
        if (!this.#dirty) await this.#sleepUntilKicked(this.#resyncMs, signal);
      }
    }
  }

  async #sleepUntilKicked(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const awake = new AbortController();
    const wake = (): void => awake.abort();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await this.#options.clock.sleep(ms, awake.signal);
    signal.removeEventListener('abort', wake);
    this.#wake = null;
  }
}
