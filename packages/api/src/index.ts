export { createForwarder } from './forwarder.ts';
export type { ForwardedAnswer, Forwarder, TlsMaterial } from './forwarder.ts';
export type { ListenOptions } from './listeners.ts';
export { parseListenAddress } from './listeners.ts';
export { createApiServer } from './server.ts';
export type { ApiServer, ApiServerOptions } from './server.ts';
