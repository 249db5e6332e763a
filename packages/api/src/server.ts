import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@muster/core';
import { sendError, statusOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { ListenerSet } from './listener-set.ts';
import type { ListenOptions } from './listener-set.ts';
import { matchRoute } from './router.ts';
import { createRoutes } from './routes.ts';
import type { RoutesOptions } from './routes.ts';

export interface ApiServerOptions extends RoutesOptions {
  readonly log: Log;
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
  /** Ends every stream and connection and all listeners. */
  close(): Promise<void>;
}

const defaults: ListenOptions = {
  tls: null,
  insecure: false,
  socketMode: 0o660,
  socketGroup: 'muster',
  inherited: [],
};

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log, self } = options;
  const routes = createRoutes(options);
  const closing = new AbortController();
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    res.setHeader('Server', `musterd/${self.version}`);
    const [path = '', search = ''] = (req.url ?? '').split(/\?(.*)/s, 2);
    try {
      const { handler, params } = matchRoute(routes, req.method ?? '', path);
      const signal = signalOf(res, closing.signal);
      const exchange: Exchange = { req, res, params, query: new URLSearchParams(search), signal };
      await handler(exchange);
    } catch (error) {
      const { status } = statusOf(error);
      if (status >= 500 && !res.destroyed && !closing.signal.aborted) {
        log.warn({ method: req.method, path, status, err: error }, 'request failed');
      }
      sendError(res, error);
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
    close,
  };
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
