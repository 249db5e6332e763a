import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@muster/core';
import { sendError, statusOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { sendFleetError } from './fleet/errors.ts';
import { FleetApi } from './fleet/fleet-api.ts';
import { fleetRoute, resolveFleetPath } from './fleet/paths.ts';
import { ListenerSet } from './listener-set.ts';
import type { ListenOptions } from './listener-set.ts';
import { observe } from './observe.ts';
import type { ApiObserver } from './observe.ts';
import { BodiesInHand } from './request-body.ts';
import { splitTarget } from './request-target.ts';
import { matchRoute, patternOf } from './router.ts';
import type { Route } from './router.ts';
import { createRoutes } from './routes.ts';
import type { RoutesOptions } from './routes.ts';

export interface ApiServerOptions extends RoutesOptions {
  readonly log: Log;
  /** Rows on a page of a list of fleet's API, 1 to 65,535. Default 100. */
  readonly fleetTokenLimit?: number;
  readonly observer?: ApiObserver;
}

export interface ApiServer {
  /** Answers one request; never throws. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /**
   * Listens on exactly these from now on, or, on an error, on what it did before; see
   * `ListenerSet.set`.
   * @param addresses - `unix:/path` or `tcp:host:port` (port 0: any free one)
   * @returns the addresses that it has
   * @throws {InvalidInputError} saying which one cannot be had and why
   */
  listen(
    addresses: readonly string[],
    options?: Partial<ListenOptions>,
  ): Promise<readonly string[]>;
  /**
   * Rows on a page of a list of fleet's API from now on, as in the options. A token for a page of
   * another size is refused.
   */
  setFleetTokenLimit(limit: number): void;
  /**
   * Ends every stream and all listeners at once, and connections with the answers they wait for; see
   * `ListenerSet.close`.
   */
  close(): Promise<void>;
}

const defaults: ListenOptions = {
  tls: null,
  insecure: false,
  socketMode: 0o660,
  socketGroup: 'muster',
  inherited: [],
};

/** @throws {InvalidInputError} when the token limit is none */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log, self, fleetTokenLimit: tokenLimit = 100 } = options;
  const routes = createRoutes(options);
  const bodies = new BodiesInHand();
  const closing = new AbortController();
  // Each request listens to it.
  setMaxListeners(0, closing.signal);
  const fleet = new FleetApi({ ...options, tokenLimit, signal: closing.signal });
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    res.setHeader('Server', `musterd/${self.version}`);
    const { path, search } = splitTarget(req.url ?? '');
    const target = resolveFleetPath(path);
    const route = target === null ? patternOf(routes, path) : fleetRoute(target);
    observe(options.observer, { req, res, route: route ?? 'none' });
    try {
      const signal = signalOf(res, closing.signal);
      const query = new URLSearchParams(search);
      const exchange = { req, res, params: {}, query, bodies, signal };
      if (target === null) await answerFrom(routes, path, exchange);
      else await fleet.answer(target, exchange);
    } catch (error) {
      const { status } = statusOf(error);
      if (status >= 500 && !res.destroyed && !closing.signal.aborted) {
        log.warn({ method: req.method, path, status, err: error }, 'request failed');
      }
      if (target === null) sendError(res, error);
      else sendFleetError(res, error);
    } finally {
      // What waited for something does so no longer.
      if (closing.signal.aborted && !res.writableEnded) res.destroy();
    }
  };
  const handle = (req: IncomingMessage, res: ServerResponse): void => void answer(req, res);
  const listeners = new ListenerSet({ handle, log });
  const close = async (): Promise<void> => {
    closing.abort();
    await listeners.close();
  };
  return {
    handle,
    listen: async (addresses, more) => listeners.set(addresses, { ...defaults, ...more }),
    setFleetTokenLimit: (limit) => fleet.setTokenLimit(limit),
    close,
  };
}

async function answerFrom(
  routes: readonly Route[],
  path: string,
  exchange: Exchange,
): Promise<void> {
  const { handler, params } = matchRoute(routes, exchange.req.method ?? '', path);
  await handler({ ...exchange, params });
}

/** Aborts when the caller is gone before the answer is complete, or the server closes. */
function signalOf(res: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const onClosing = (): void => gone.abort();
  res.once('close', () => {
    closing.removeEventListener('abort', onClosing);
    if (!res.writableFinished) gone.abort();
  });
  closing.addEventListener('abort', onClosing, { once: true });
  if (closing.aborted) gone.abort();
  return gone.signal;
}
