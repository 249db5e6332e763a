import { STATUS_CODES } from 'node:http';
import type { RequestListener, Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ErrorBody } from './wire.ts';

/**
 * Sees to it that also what is no proper request gets an answer, in the shape of every other error;
 * node would answer some with an empty body and cut the connection of others.
 */
export function answerOddRequests(server: HttpServer | HttpsServer, handle: RequestListener): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (req, res) => {
    answers.set(req.socket, res);
    res.once('close', () => answers.delete(req.socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const status = statusOf(error.code);
    // A second answer in the midst of the first would be taken for a part of it.
    const isFree = socket.writable && answers.get(socket)?.headersSent !== true;
    if (status === null || !isFree) socket.destroy(error);
    else endWith(socket, status, error.message);
  });
  server.on('connect', (_req, socket: Duplex) => {
    endWith(socket, 405, 'CONNECT is not supported here');
  });
  // An expectation that nobody knows is no reason to refuse what can be done.
  server.on('checkExpectation', handle);
}

/** null: what went wrong is not HTTP's (the connection broke, TLS could not be agreed on). */
function statusOf(code = ''): number | null {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return code.startsWith('HPE_') ? 400 : null;
  }
}

function endWith(socket: Duplex, status: number, message: string): void {
  const body: ErrorBody = { error: { code: 'malformed-request', message } };
  const text = `${JSON.stringify(body)}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.on('error', () => undefined);
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}
