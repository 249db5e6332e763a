import type { Clock, ClusterView, PlacementChange } from '@muster/core';
import { catchUpMs, untilSeen } from './until-seen.ts';

/**
 * Whether the picture of the cluster shows what this leader has written. Nothing may be decided before
 * it does: the same space would be promised to somebody else.
 */
export class OwnWrites {
  readonly #view: Pick<ClusterView, 'snapshot' | 'refresh'>;
  readonly #clock: Clock;
  /** What was written last, for that is seen last; null: nothing that was not seen. */
  #unseen: PlacementChange | 'unknown' | null = null;

  constructor(view: Pick<ClusterView, 'snapshot' | 'refresh'>, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
  }

  /** Before writing: it may be done though nobody says so. */
  begin(): void {
    this.#unseen = 'unknown';
  }

  /** After writing: this is what was written, in this order. */
  end(written: readonly PlacementChange[]): void {
    // What has no placement, and had none, only takes something away.
    const tells = (c: PlacementChange): boolean =>
      c.placement !== null || c.placementRevision !== 0;
    this.#unseen = written.findLast(tells) ?? null;
  }

  /**
   * Resolves when the picture shows all of it, also when it had to be read anew for that; or when the
   * signal aborts. @throws {StoreUnavailableError} when it could not be read: then it is still to be seen
   */
  async seen(signal: AbortSignal): Promise<void> {
    await untilSeen(this.#clock, signal, () => !this.#isAwaited());
    if (signal.aborted) return;
    if (this.#unseen === 'unknown' || this.#isAwaited()) await this.#view.refresh(catchUpMs);
    this.#unseen = null;
  }

  /** Whether it is known what the picture does not show. */
  #isAwaited(): boolean {
    if (this.#unseen === null || this.#unseen === 'unknown') return false;
    const { unit, placementRevision } = this.#unseen;
    const { placements } = this.#view.snapshot();
    return (placements.get(unit)?.modRevision ?? 0) === placementRevision;
  }
}
