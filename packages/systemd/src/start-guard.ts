import type { Clock } from '@muster/core';
import { guardName } from './bound-file.ts';
import type { ManagerCalls } from './manager-calls.ts';
import { unitInterface } from './unit-run.ts';

const withinMs = 5_000;
const lookEveryMs = 10;

/** Starts the guard of bound units; resolves when it is up or has refused, for want of a lease. */
export async function startGuard(calls: ManagerCalls, clock: Clock): Promise<void> {
  await calls.job('StartUnit', guardName);
  const end = clock.monotonic() + withinMs;
  while (clock.monotonic() < end) {
    const state = await calls.property(guardName, unitInterface, 'ActiveState');
    if (state === 'active' || state === 'failed') return;
    await clock.sleep(lookEveryMs, new AbortController().signal);
  }
}
