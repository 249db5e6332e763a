import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Origin } from '@muster/core';

/**
 * Who asks: the name in the client's certificate, else what the client says of itself in
 * `Muster-User` (it is believed: whoever can connect is root anyway), else the program's name.
 * @param at - now, in ms since the epoch
 */
export function originOf(req: IncomingMessage, hostname: string, at: number): Origin {
  const { socket } = req;
  const host = socket.remoteAddress ?? hostname;
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  const certified = typeof name === 'string' ? name : undefined;
  const said = req.headers['muster-user'];
  const user = certified ?? (typeof said === 'string' ? said : undefined);
  if (user !== undefined) return { by: clean(`${user}@${host}`), at };
  return { by: clean(req.headers['user-agent'] ?? `unknown@${host}`), at };
}

function clean(by: string): string {
  return by.replace(/[^\x20-\x7e]/g, '?').slice(0, 128);
}
