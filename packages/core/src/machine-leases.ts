/** How long ago a lease was renewed, as etcd tells it: `leftSeconds` is rounded down. */
export interface LeaseAge {
  readonly leftSeconds: number;
  readonly grantedSeconds: number;
}

/** Tells machines that are well from those that only have not been missed yet. */
export interface MachineLeases {
  /**
   * Asks the store, once for each machine. One that has no lease any more is missing from the answer.
   * @throws {StoreUnavailableError} nothing is known then
   */
  ages(machines: readonly string[]): Promise<ReadonlyMap<string, LeaseAge>>;
}
