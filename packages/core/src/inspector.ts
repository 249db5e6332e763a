export interface JournalQuery {
  /** The last n lines; null: all. */
  readonly lines: number | null;
  readonly follow: boolean;
  /** As journalctl(1) --since takes it; null: no limit. */
  readonly since: string | null;
  /** As journalctl(1) --until takes it. */
  readonly until?: string;
  /** As journalctl(1) --grep takes it. */
  readonly grep?: string;
  /** As journalctl(1) --output takes it. */
  readonly output: string;
}

/** What the kernel accounts to a unit's processes; null: it does not, or they have ended. */
export interface UnitUse {
  readonly unit: string;
  readonly memoryBytes: number | null;
  /** Since it was started. */
  readonly cpuNs: number | null;
  readonly tasks: number | null;
}

/** What only the machine itself knows of a unit, asked when somebody wants to see it. */
export interface Inspector {
  /** What `systemctl status` prints; also for units that failed or are not loaded. */
  status(unit: string): Promise<string>;
  /**
   * What these units use now; those that are not up are left out.
   */
  use(units: readonly string[]): Promise<readonly UnitUse[]>;
  /** What `journalctl -u` prints, in pieces; ends when the journal does or `signal` aborts. */
  journal(unit: string, query: JournalQuery, signal: AbortSignal): AsyncIterable<Uint8Array>;
}
