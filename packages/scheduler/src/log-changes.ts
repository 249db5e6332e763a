import type { Log, PlacementChange } from '@muster/core';

/** What was written, a line for each machine that it is about. */
export function logChanges(log: Log, changes: readonly PlacementChange[]): void {
  for (const { unit, assign, withdraw } of changes) {
    for (const { machine, role, desiredState, reason } of assign) {
      log.info({ unit, machine, role, desiredState, reason }, 'assigned');
    }
    for (const { machine, reason } of withdraw) log.info({ unit, machine, reason }, 'withdrawn');
  }
}
