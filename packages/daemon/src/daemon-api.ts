import { createApiServer, createForwarder } from '@muster/api';
import type { ApiServer, ApiServerOptions, InheritedSocket, TlsMaterial } from '@muster/api';
import type { Config } from './config-model.ts';
import type { ListenAddress } from './config-values.ts';
import { publishedUrl } from './published-url.ts';
import { readApiTls } from './tls-files.ts';

export interface DaemonApiOptions extends Omit<ApiServerOptions, 'forward'> {
  readonly inherited: readonly InheritedSocket[];
}

/** The API of this daemon, with the certificates that it and the others show each other. */
export class DaemonApi {
  readonly #inherited: readonly InheritedSocket[];
  readonly #server: ApiServer;
  #tls: TlsMaterial | null = null;
  #bound: readonly string[] = [];

  constructor({ inherited, ...options }: DaemonApiOptions) {
    this.#inherited = inherited;
    this.#server = createApiServer({
      ...options,
      forward: (url, path, signal) => createForwarder(this.#tls)(url, path, signal),
    });
  }

  /** Where it listens. */
  get bound(): readonly string[] {
    return this.#bound;
  }

  /**
   * Reads certificates and listens where the configuration says, from now on, or rejects and
   * everything is as it was.
   * @param address - of this machine, for the URL
   * @returns where other daemons reach it; null: nowhere
   */
  async listen(config: Config['api'], address: string | null): Promise<string | null> {
    const tls = config.tls === null ? null : await readApiTls(config.tls);
    this.#bound = await this.#server.listen(config.listen.map(showListenAddress), {
      tls,
      insecure: config.insecure,
      inherited: this.#inherited,
    });
    this.#tls = tls;
    return publishedUrl(this.#bound, address, tls !== null);
  }

  setTokenLimit(limit: number): void {
    this.#server.setFleetTokenLimit(limit);
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** As the API's server and people read it. */
function showListenAddress(address: ListenAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp:${host}:${address.port}`;
}
