import type { IncomingMessage, ServerResponse } from 'node:http';

/** Told of requests, for counting. Must not throw. */
export interface ApiObserver {
  /**
   * A request began; the function that it returns is told when it is over: the answer is complete
   * (status), or the caller went away before there was one (null). A stream is one long request.
   */
  readonly request: (request: ObservedRequest) => (status: number | null) => void;
}

interface ObservedRequest {
  /** GET, PUT, …: one of those that HTTP knows. */
  readonly method: string;
  /** Pattern of the route, such as `/v1/units/{name}`; `none`: there is nothing at that path. */
  readonly route: string;
}

export function observe(
  observer: ApiObserver | undefined,
  { req, res, route }: { req: IncomingMessage; res: ServerResponse; route: string },
): void {
  const ended = observer?.request({ method: req.method ?? 'GET', route });
  if (ended === undefined) return;
  res.once('close', () => ended(res.headersSent ? res.statusCode : null));
}
