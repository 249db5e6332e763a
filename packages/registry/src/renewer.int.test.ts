// needs: etcd
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';
import { EtcdStore } from './client.ts';
import { realClock } from './fake.ts';
import { renewing } from './renewing.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';

let etcd: TestEtcd;
/** Take connections and never answer, as a member that hangs. */
const hung: Server[] = [];
const sockets: Socket[] = [];
beforeAll(async () => {
  etcd = await startEtcd({ listen: 'tcp' });
  for (let i = 0; i < 2; i += 1) {
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    hung.push(server);
  }
});
afterAll(async () => {
  await etcd.stop();
  for (const socket of sockets) socket.destroy();
  for (const server of hung) server.close();
});

test('with two members of three that hang, no renewal fails', async () => {
  const deaf = hung.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return `http://127.0.0.1:${address.port}`;
  });
  const direct = new EtcdStore({ endpoints: [etcd.endpoint] });
  const bare = new EtcdStore({ endpoints: [...deaf, etcd.endpoint] });
  const store = renewing(realClock(), bare, new AbortController().signal);
  try {
    const { lease } = await direct.grantLease(60);
    for (let i = 0; i < 20; i += 1) {
      expect(await store.renewLease(lease, 2000)).toMatchObject({ ttlSeconds: 60 });
    }
  } finally {
    await store.close();
    await direct.close();
  }
});
