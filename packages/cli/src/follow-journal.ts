import { setTimeout as sleep } from 'node:timers/promises';
import { UnreachableError } from '@muster/api/client';
import type { ApiClient, JournalOptions } from '@muster/api/client';
import { isAway } from './is-away.ts';
import type { Terminal } from './terminal.ts';

export interface FollowPlan {
  readonly unit: string;
  /** With `machine`: it is followed there, wherever the unit goes. */
  readonly query: JournalOptions;
  readonly signal: AbortSignal;
}

/** How often it is asked where the unit is. */
const lookMs = 2000;
const retryMs = 1000;

/**
 * How a stretch of the journal ended. `until`: when (performance.now()) it was complete; null: it
 * never began.
 */
type Ended =
  | { readonly type: 'moved'; readonly until: number; readonly to: string }
  | { readonly type: 'broken'; readonly until: number | null; readonly why: unknown };

/**
 * Shows what is logged until the signal aborts. Goes along when the unit moves to another machine,
 * and goes on when the machine or musterd comes back; both are told on standard error. What was
 * logged within a second of such a gap may be shown twice.
 * @throws what keeps it from beginning
 */
export async function followJournal(
  client: ApiClient,
  terminal: Terminal,
  plan: FollowPlan,
): Promise<void> {
  const { unit, query, signal } = plan;
  const isTied = query.machine !== undefined;
  let place = query.machine ?? (await placeOf(client, unit));
  let completeUntil: number | null = null;
  let isLost = false;
  while (!signal.aborted) {
    const stretch = {
      ...query,
      ...sinceGap(completeUntil),
      ...(place === null ? {} : { machine: place }),
    };
    const ended = await followOn(client, terminal, { ...plan, query: stretch }, isTied);
    if (signal.aborted) return;
    if (ended.until !== null) {
      completeUntil = ended.until;
      isLost = false;
    }
    if (ended.type === 'moved') {
      terminal.complain(`-- ${unit} is on ${ended.to} now --`);
      place = ended.to;
      continue;
    }
    if (completeUntil === null || !isAway(ended.why)) throw ended.why;
    if (!isLost) terminal.complain(`-- ${ended.why.message}; trying again --`);
    isLost = true;
    await sleep(retryMs, undefined, { signal }).catch(() => {});
    if (!isTied) place = (await placeOf(client, unit).catch(() => null)) ?? place;
  }
}

/** Everything since then, by the clock of the machine that is asked, which may not be ours. */
function sinceGap(completeUntil: number | null): Pick<JournalOptions, 'lines' | 'since'> {
  if (completeUntil === null) return {};
  const seconds = Math.ceil((performance.now() - completeUntil) / 1000) + 1;
  return { lines: null, since: `-${seconds}s` };
}

async function followOn(
  client: ApiClient,
  terminal: Terminal,
  { unit, query, signal }: FollowPlan,
  isTied: boolean,
): Promise<Ended> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  signal.addEventListener('abort', stop, { once: true });
  const place = isTied ? undefined : query.machine;
  const show = async (): Promise<Ended> => {
    let hasBegun = false;
    const until = (): number | null => (hasBegun ? performance.now() : null);
    const onBegin = (): void => void (hasBegun = true);
    try {
      for await (const piece of client.journal(unit, { ...query, onBegin }, over.signal)) {
        await terminal.write(piece);
      }
      const why = new UnreachableError(`the journal of ${unit} ended`);
      return { type: 'broken', until: until(), why };
    } catch (why) {
      return { type: 'broken', until: until(), why };
    }
  };
  const shown = show();
  const looked =
    place === undefined ? shown : untilElsewhere(client, { unit, place, signal: over.signal });
  const ended = await Promise.race([shown, looked]);
  stop();
  signal.removeEventListener('abort', stop);
  await shown;
  return ended;
}

/** Never ends by itself while the unit stays, or nobody knows. */
async function untilElsewhere(
  client: ApiClient,
  { unit, place, signal }: { unit: string; place: string; signal: AbortSignal },
): Promise<Ended> {
  let until = performance.now();
  while (!signal.aborted) {
    await sleep(lookMs, undefined, { signal }).catch(() => {});
    const now = performance.now();
    const to = signal.aborted ? null : await placeOf(client, unit).catch(() => null);
    if (to !== null && to !== place) return { type: 'moved', until, to };
    if (to === place) until = now;
  }
  return { type: 'broken', until, why: new UnreachableError('interrupted') };
}

/** The one machine that holds the unit; null: none, several, or there is no such unit. */
async function placeOf(client: ApiClient, unit: string): Promise<string | null> {
  const machines = (await client.unit(unit))?.machines ?? [];
  const holders = machines.filter(({ role }) => role === 'holder');
  return holders.length === 1 ? (holders[0]?.machine ?? null) : null;
}
