import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { unreachable } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** What fleetctl on the other side asks for when nobody told it otherwise. */
const fleetSocket = /^(?:\/var)?\/run\/fleet\.sock$/;
const musterSocket = '/run/muster/muster.sock';

export function addFdForward(program: Command, { terminal, programName }: Context): void {
  program
    .command('fd-forward')
    .description('connect standard input and output with a unix socket')
    .argument('<socket>', 'path of the socket')
    .action(async (asked: string) => {
      const isFleet = programName === 'fleetctl' && fleetSocket.test(asked) && !existsSync(asked);
      await forward(isFleet ? musterSocket : asked, (piece) => terminal.write(piece));
    });
}

/**
 * Ends when the other side has said all, which it may do after the end of standard input.
 * @throws {UnreachableError}
 */
async function forward(
  socketPath: string,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const broken = (cause: unknown): Error =>
    unreachable({ type: 'unix', shown: socketPath, socketPath }, cause);
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  // From the begin on, so that no failure is missed between two pieces.
  const received = piecesOf(socket);
  process.stdin.pipe(socket);
  try {
    for await (const piece of received) await write(piece);
  } catch (cause) {
    throw broken(cause);
  } finally {
    process.stdin.destroy();
    socket.destroy();
  }
}

async function* piecesOf(socket: Socket): AsyncGenerator<Uint8Array> {
  for await (const piece of socket) if (Buffer.isBuffer(piece)) yield piece;
}
