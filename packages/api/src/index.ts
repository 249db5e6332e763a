export { createForwarder } from './forwarder.ts';
export type { ForwardedAnswer, Forwarder, TlsMaterial } from './forwarder.ts';
export type { InheritedSocket } from './door.ts';
export { parseListenAddress } from './listen-address.ts';
export type { ListenOptions } from './listener-set.ts';
export type { ApiObserver } from './observe.ts';
export type { MetricsPage } from './routes.ts';
export { createApiServer } from './server.ts';
export type { ApiServer, ApiServerOptions } from './server.ts';
