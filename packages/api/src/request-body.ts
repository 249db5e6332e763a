import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidInputError } from '@muster/core';
import { HttpError } from './http-error.ts';

/**
 * musterd's heap has a limit, and whoever sends a body decides how much of it that takes. So its
 * size, the number of values in it and what is in hand of all requests together are bounded.
 */
const maxBodyBytes = 16 * 1024 * 1024;
/** Each takes up to some 60 bytes of memory, however short it is written. */
const maxJsonValues = 500_000;
const maxBytesInHand = 24 * 1024 * 1024;
/** A body of up to this size is always taken. */
const smallBodyBytes = 256 * 1024;

/** What a body belongs to. */
interface BodySource {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly bodies: BodiesInHand;
}

/** The large bodies of requests that are not answered yet. */
export class BodiesInHand {
  #bytes = 0;

  /** @returns what to call with the size that a body has by now. It throws {HttpError} 503 */
  begin(res: ServerResponse): (size: number) => void {
    let mine = 0;
    let isOver = res.closed;
    res.once('close', () => {
      isOver = true;
      this.#bytes -= mine;
    });
    return (size) => {
      if (isOver || size <= smallBodyBytes) return;
      if (this.#bytes - mine + size > maxBytesInHand) {
        const message = 'this musterd has other large requests in hand; try again';
        throw new HttpError(503, 'busy', message, { headers: { Connection: 'close' } });
      }
      this.#bytes += size - mine;
      mine = size;
    };
  }
}

/** @throws {HttpError} 413, 415 or 503 @throws {InvalidInputError} when it is not JSON */
export async function readJson(source: BodySource): Promise<unknown> {
  const type = source.req.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new HttpError(415, 'content-type', 'Content-Type must be application/json');
  }
  const body = parseJson(await readBody(source, maxBodyBytes));
  if (body.type === 'parsed') return body.value;
  throw new InvalidInputError(`the body is not JSON in UTF-8: ${body.why}`);
}

/** @throws {HttpError} 413 when it is larger than `maxBytes`, 503 when others are in hand */
export async function readBody(
  { req, res, bodies }: BodySource,
  maxBytes: number,
): Promise<Buffer> {
  const tooLarge = `the body is larger than ${maxBytes} bytes`;
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw refuse(tooLarge);
  const chunks: Buffer[] = [];
  let size = 0;
  const grow = bodies.begin(res);
  // A body that is refused half-way still gets its answer.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) throw refuse(tooLarge);
    grow(size);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

type ParsedJson =
  | { readonly type: 'parsed'; readonly value: unknown }
  | { readonly type: 'malformed'; readonly why: string };

/** JSON in UTF-8. @throws {HttpError} 413 when there is too much in it */
export function parseJson(bytes: Uint8Array): ParsedJson {
  if (hasMoreValues(bytes, maxJsonValues)) {
    throw refuse(`the body has more than ${maxJsonValues} keys and values`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { type: 'parsed', value: JSON.parse(text) };
  } catch (error) {
    return { type: 'malformed', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Counts what precedes each key and value but the first, outside of strings: `[`, `{`, `,` or `:`. */
function hasMoreValues(bytes: Uint8Array, max: number): boolean {
  if (bytes.length <= max) return false;
  let count = 0;
  let isInString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (isInString && byte === 0x5c) i += 1;
    else if (byte === 0x22) isInString = !isInString;
    else if (!isInString && (byte === 0x5b || byte === 0x7b || byte === 0x2c || byte === 0x3a)) {
      count += 1;
    }
  }
  return count > max;
}

function refuse(message: string): HttpError {
  return new HttpError(413, 'too-large', message, {
    // What is still on its way is not read.
    headers: { Connection: 'close' },
  });
}
