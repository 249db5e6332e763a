import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Inspector, Log } from '@muster/core';
import { realClock } from '../../../registry/src/fake.ts';
import { PlacedCluster } from '../../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../../scheduler/src/explainer.ts';
import { createForwarder } from '../forwarder.ts';
import { createApiServer } from '../server.ts';
import type { ApiServer, ApiServerOptions } from '../server.ts';

export const here = 'a'.repeat(32);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  /** An object is sent as JSON with its content type. */
  readonly body?: unknown;
  /** A list stands for a header that comes several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Answers that begin to stream are not waited for. */
  readonly cutStreams?: boolean;
}

/** The API over a unix socket, on a cluster in memory with one machine. */
export class ApiGround {
  readonly cluster = new PlacedCluster();
  readonly socketPath: string;
  /** What the server has logged as a warning or worse. */
  readonly warnings: { readonly fields: object; readonly message: string }[] = [];
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
  readonly #servers: ApiServer[] = [];

  private constructor() {
    this.socketPath = path.join(this.#dir, 'muster.sock');
    this.cluster.addMachine(here, '10.0.0.1', { metadata: { region: 'eu' } });
  }

  static async open(options: Partial<ApiServerOptions> = {}): Promise<ApiGround> {
    const ground = new ApiGround();
    try {
      await ground.serve(ground.socketPath, options);
    } catch (error) {
      await ground.close();
      throw error;
    }
    return ground;
  }

  /** One more daemon on the same store. */
  async serve(socketPath: string, options: Partial<ApiServerOptions> = {}): Promise<void> {
    const server = createApiServer({
      units: this.cluster.units,
      explainer: createExplainer(),
      inspector: silentInspector,
      self: { machineId: here, hostname: 'box', version: '0.1.0' },
      clock: realClock(),
      log: this.#log(),
      forward: createForwarder(null),
      ...options,
    });
    this.#servers.push(server);
    await server.listen([`unix:${socketPath}`]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    await this.cluster.close();
    rmSync(this.#dir, { recursive: true });
  }

  /** One request on a connection of its own. Rejects when the connection is cut without an answer. */
  ask(method: string, url: string, sent: Sent = {}): Promise<Answer> {
    return askAt(this.socketPath, method, url, sent);
  }

  #log(): Log {
    const note = (fields: object, message: string): void => {
      this.warnings.push({ fields, message });
    };
    const pass = (): void => undefined;
    return { debug: pass, info: pass, warn: note, error: note };
  }
}

export function askAt(
  socketPath: string,
  method: string,
  url: string,
  { body, headers = {}, cutStreams = false }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const isJson = typeof body === 'object' && body !== null && !Buffer.isBuffer(body);
    const bytes = bytesOf(body, isJson);
    const type = isJson ? { 'content-type': 'application/json' } : {};
    // Node says it only for some methods.
    const isSized = bytes !== undefined && headers['transfer-encoding'] === undefined;
    const length = isSized ? { 'content-length': String(Buffer.byteLength(bytes)) } : {};
    const all = Object.entries({ ...length, ...type, ...headers }).map(([name, value]) => {
      return [name, typeof value === 'string' ? value : [...value]] as const;
    });
    const options = { socketPath, method, path: url, agent: false };
    const req = request({ ...options, headers: Object.fromEntries(all) }, (res) => {
      const pieces: Buffer[] = [];
      const done = (): void => {
        const text = Buffer.concat(pieces).toString().trim();
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
      };
      if (cutStreams && res.headers['content-length'] === undefined && res.statusCode === 200) {
        done();
        req.destroy();
        return;
      }
      res.on('data', (piece: Buffer) => pieces.push(piece));
      res.on('error', reject);
      res.on('end', done);
    });
    req.on('error', reject);
    req.end(bytes);
  });
}

function bytesOf(body: unknown, isJson: boolean): Buffer | string | undefined {
  if (isJson) return JSON.stringify(body);
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : undefined;
}

const silentInspector: Inspector = {
  status: async (unit) => `● ${unit}\n`,
  use: async () => [],
  journal: async function* (unit) {
    yield Buffer.from(`${unit}\n`);
  },
};
