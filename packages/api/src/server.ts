import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Log } from '@muster/core';
import { sendError, statusOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { openListener, parseListenAddress } from './listeners.ts';
import type { ListenOptions } from './listeners.ts';
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
   * Opens all of these listeners or none.
   * @param addresses - `unix:/path` or `tcp:host:port` (port 0: any free one)
   * @returns the addresses that it has, in order
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
};

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log, self } = options;
  const routes = createRoutes(options);
  const closing = new AbortController();
  const servers: Server[] = [];
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
  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all(servers.splice(0).map(closeServer));
  };
  const listen: ApiServer['listen'] = async (addresses, listenOptions) => {
    const all = { ...defaults, ...listenOptions };
    const parsed = addresses.map(parseListenAddress);
    const bound: string[] = [];
    try {
      for (const address of parsed) {
        const opened = await openListener(address, all, handle);
        servers.push(opened.server);
        opened.server.on('error', (err) => log.error({ err, listener: opened.bound }, 'listener'));
        bound.push(opened.bound);
      }
    } catch (error) {
      await Promise.all(servers.splice(servers.length - bound.length).map(closeServer));
      throw error;
    }
    return bound;
  };
  return { handle, listen, close };
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

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
