import { ApiError, createApiClient } from '@muster/api/client';
import type { UnitRequest } from '@muster/api/client';
import type { Cluster } from '../cluster.ts';
import { monotonicMs } from './evidence.ts';
import type { Request, Wish } from './evidence.ts';
import type { Clients, TimedWish } from './plan-requests.ts';
import type { CastUnit } from './units.ts';

const answerWithinMs = 8000;

/** What clients of a run share. */
export interface ClientOptions {
  readonly cluster: Cluster;
  readonly cast: readonly CastUnit[];
  /** machine → path of its unix socket on this system */
  readonly sockets: ReadonlyMap<number, string>;
}

/** Makes the requests of a round. @returns all of them, with what came of each */
export async function askAll(
  options: ClientOptions,
  {
    clients,
    round,
    began,
    signal,
  }: {
    clients: Clients;
    round: number;
    /** When the round began. */
    began: number;
    /** What has not been asked when it aborts is not asked any more. */
    signal: AbortSignal;
  },
): Promise<readonly Request[]> {
  const asked = clients.map(async (wishes, client) => {
    const requests: Request[] = [];
    for (const [i, timed] of wishes.entries()) {
      await sleepUntil(began + timed.atMs, signal);
      if (signal.aborted) break;
      requests.push(await ask(options, { id: `r${round}-${client}-${i}`, round, timed }));
    }
    return requests;
  });
  return (await Promise.all(asked)).flat();
}

/** Makes one request. */
async function ask(
  options: ClientOptions,
  { id, round, timed }: { id: string; round: number; timed: Omit<TimedWish, 'atMs'> },
): Promise<Request> {
  const { wish, by, via } = timed;
  const askedAt = monotonicMs();
  const answer = await (by === 'api'
    ? askApi(options, id, timed)
    : askMusterctl(options, id, timed));
  return { id, round, wish, by, via, askedAt, answeredAt: monotonicMs(), ...answer };
}

type Answer = Pick<Request, 'outcome' | 'answer'>;

async function askApi(
  { sockets, cast, cluster }: ClientOptions,
  id: string,
  { wish, via }: Pick<TimedWish, 'wish' | 'via'>,
): Promise<Answer> {
  const endpoint = `unix:${sockets.get(via)}`;
  const api = createApiClient({ endpoint, user: id, timeoutMs: answerWithinMs });
  try {
    if (wish.action === 'metadata') {
      const { key, value, machine } = wish;
      const [machineId] = [...cluster.numbers].find(([, number]) => number === machine) ?? [''];
      await api.patchMetadata(machineId, { [key]: value });
      return { outcome: 'done', answer: 'set' };
    }
    const { units } =
      wish.action === 'destroy'
        ? await api.destroyUnits([wish.unit])
        : await api.writeUnits([unitRequest(cast, wish, id)]);
    const result = units[0]?.result ?? 'conflict';
    const isNothing = result === 'unchanged' || result === 'absent';
    // Others kept changing it: nothing of this request is stored.
    if (result === 'conflict') return { outcome: 'refused', answer: result };
    return { outcome: isNothing ? 'nothing' : 'done', answer: result };
  } catch (error) {
    // Nothing is stored by what is answered with 4xx; 5xx and silence say nothing.
    const isRefused = error instanceof ApiError && error.status < 500;
    return { outcome: isRefused ? 'refused' : 'unknown', answer: String(error) };
  }
}

function unitRequest(cast: readonly CastUnit[], wish: Wish, id: string): UnitRequest {
  if (wish.action === 'metadata') throw new Error('metadata is not of a unit');
  const file = cast.find(({ name }) => name === wish.unit)?.file ?? '';
  const name = wish.unit;
  switch (wish.action) {
    case 'start':
      return { name, file, desiredState: 'launched', replace: true };
    case 'stop':
      return { name, file, desiredState: 'inactive', replace: true };
    case 'load':
      return { name, file, desiredState: 'loaded', replace: true };
    case 'restart':
      return { name, restart: true };
    case 'replace':
      return { name, file: `[Unit]\nDescription=by ${id}\n${file}`, replace: true, restart: true };
    case 'destroy':
      throw new Error('destroying is not a write');
  }
}

const verbs = {
  start: 'start',
  stop: 'unload',
  load: 'load',
  restart: 'restart',
  destroy: 'destroy',
};

/** With musterctl: what it asks and how often is its own business, so only its exit counts. */
async function askMusterctl(
  { cluster }: ClientOptions,
  id: string,
  { wish, via }: Pick<TimedWish, 'wish' | 'via'>,
): Promise<Answer> {
  const verb =
    wish.action === 'metadata' || wish.action === 'replace' ? 'start' : verbs[wish.action];
  const unit = wish.action === 'metadata' ? '' : wish.unit;
  const args = ['--timeout', String(answerWithinMs / 1000), verb, '--no-block', unit];
  const { status, stdout, stderr } = await cluster.lab.musterctl(args, via, { SUDO_USER: id });
  return { outcome: 'unknown', answer: `${status}: ${stdout}${stderr}`.trim() };
}

/** Resolves at `at`, or when the signal aborts. */
export function sleepUntil(at: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, at - monotonicMs()));
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
