// Relays of TCP connections in the lab's network, to be made slow, halting, silent or half-open. Run
// by `scripts/lab relay`. Each line of its input is one request in JSON, each line of its output the
// answer, in the same order: {"ok":true} or {"error":"…"}.
//   {"open":"a","listen":"10.0.0.1:2000" or "/path.sock","to":"10.0.0.2:2379"}
//   {"set":"a","delayMs":100,"jitterMs":50,"hold":"none"|"up"|"down"|"both"}
// delayMs is of each piece that passes, in either way; jitterMs is added at random, so that a stream
// comes in bursts. What is held is kept and passed on later, in order; the end of a connection is
// held as well, so that the other side takes it for open. `up` is the way to the server.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const relays = new Map();

function address(text) {
  if (text.startsWith('/')) return { path: text };
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

/** Passes everything of one way on, in order, as the relay is set at the time. */
async function pass(relay, way, [from, to]) {
  try {
    for await (const piece of from) {
      await untilLetThrough(relay, way);
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    await untilLetThrough(relay, way);
    to.end();
  } catch {
    // A side that broke off breaks off the other: the same happens without a relay between them.
    await untilLetThrough(relay, way);
    to.destroy();
  }
}

async function untilLetThrough(relay, way) {
  const delayMs = relay.delayMs + Math.random() * relay.jitterMs;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  while (relay.hold === way || relay.hold === 'both') {
    await new Promise((resolve) => relay.waiting.push(resolve));
  }
}

async function open({ open: name, listen, to }) {
  if (relays.has(name)) throw new Error(`there is a relay "${name}" already`);
  const relay = { delayMs: 0, jitterMs: 0, hold: 'none', waiting: [] };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...address(to), allowHalfOpen: true });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    void pass(relay, 'up', [client, upstream]);
    void pass(relay, 'down', [upstream, client]);
  });
  if (listen.startsWith('/')) rmSync(listen, { force: true });
  server.listen(address(listen));
  await once(server, 'listening');
  relays.set(name, relay);
}

function set({ set: name, delayMs = 0, jitterMs = 0, hold = 'none' }) {
  const relay = relays.get(name);
  if (relay === undefined) throw new Error(`there is no relay "${name}"`);
  Object.assign(relay, { delayMs, jitterMs, hold });
  for (const resolve of relay.waiting.splice(0)) resolve();
}

async function answer(line) {
  try {
    const request = JSON.parse(line);
    if ('open' in request) await open(request);
    else set(request);
    return { ok: true };
  } catch (error) {
    return { error: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
process.exit();
