import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { Socket } from 'node:net';

/** A TCP proxy on loopback, whose connections a test cuts. */
export interface TestProxy {
  readonly endpoint: string;
  /** Cuts what is connected; new connections are made again, unless `block`ed. */
  cut(): void;
  /** Until `false`: refuses new connections. */
  block(isOn: boolean): void;
  /** Cuts once, after so many more bytes have come from the server. */
  cutAfter(bytes: number): void;
  /** From now on what either side sends arrives so much later, in order. */
  delay(ms: number): void;
  /** How many bytes have come from the server so far. */
  received(): number;
  close(): Promise<void>;
}

/** @param target — `http://127.0.0.1:port` */
export async function startProxy(target: string): Promise<TestProxy> {
  const port = Number(new URL(target).port);
  const sockets = new Set<Socket>();
  let isBlocked = false;
  let bytesLeft = Number.POSITIVE_INFINITY;
  let received = 0;
  let delayMs = 0;
  /** Hands a piece on, later if that was asked for: timers of one length end in order. */
  const later = (act: () => void): void => {
    if (delayMs === 0) act();
    else setTimeout(act, delayMs);
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const server = createServer((client) => {
    if (isBlocked) return void client.destroy();
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => cut());
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      later(() => {
        if (!upstream.write(chunk)) client.pause();
      });
    });
    upstream.on('drain', () => client.resume());
    client.on('drain', () => upstream.resume());
    upstream.on('data', (chunk: Buffer) => {
      // A client that does not read is felt by the server, as without a proxy.
      later(() => {
        if (!client.write(chunk)) upstream.pause();
      });
      bytesLeft -= chunk.length;
      received += chunk.length;
      if (bytesLeft > 0) return;
      bytesLeft = Number.POSITIVE_INFINITY;
      cut();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    cut,
    block: (isOn) => {
      isBlocked = isOn;
      if (isOn) cut();
    },
    cutAfter: (bytes) => {
      bytesLeft = bytes;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    received: () => received,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
