import type { Revision } from '@muster/core';

/** Where a page ends: the name of its last row, and its machine for states ('' elsewhere). */
export interface RowKey {
  readonly name: string;
  readonly machine: string;
}

export interface PageToken {
  /** Rows on a page, 1 to 65,535. */
  readonly limit: number;
  /** From 1. A listing of more than 65,535 pages stays at that number: `after` says where it is. */
  readonly page: number;
  /** What fleet's own tokens do not have. */
  readonly continued: {
    /** Id of the kept listing that the page was cut from. */
    readonly listing: string;
    /** Of the store, at which it was made: what goes on from it may not be older. */
    readonly revision: Revision;
    readonly after: RowKey;
  } | null;
}

export const listingIdBytes = 8;
const maxUint16 = 0xffff;
const headBytes = 4;
const revisionBytes = 8;

/**
 * As fleet had it (limit and page, two little-endian uint16, in padded URL-safe base64), followed
 * by the listing's id and revision and the last key.
 */
export function encodePageToken({ limit, page, continued }: PageToken): string {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16LE(limit, 0);
  head.writeUInt16LE(Math.min(page, maxUint16), 2);
  const parts = [head];
  if (continued !== null) {
    const { listing, revision, after } = continued;
    const at = Buffer.alloc(revisionBytes);
    at.writeBigUInt64LE(BigInt(revision));
    parts.push(Buffer.from(listing, 'hex'), at, Buffer.from(`${after.name}/${after.machine}`));
  }
  return Buffer.concat(parts).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

export type DecodedToken =
  | { readonly type: 'token'; readonly token: PageToken }
  /** `why` in fleet's words. */
  | { readonly type: 'refused'; readonly why: string };

/**
 * @param values - every value of the query's `nextPageToken`, at least one
 * @param limit - what this server has on a page
 */
export function decodePageToken(values: readonly string[], limit: number): DecodedToken {
  const [value = ''] = values;
  if (values.length > 1) return refused('too many values for page token');
  const wrong = badBase64At(value);
  if (wrong !== null) return refused(`illegal base64 data at input byte ${wrong}`);
  const bytes = Buffer.from(value, 'base64url');
  if (bytes.length < headBytes) return refused(bytes.length === 0 ? 'EOF' : 'unexpected EOF');
  const page = bytes.readUInt16LE(2);
  if (bytes.readUInt16LE(0) !== limit) return refused(`token limit must be ${limit}`);
  if (page === 0) return refused('token page must be greater than zero');
  const continued = decodeContinued(bytes);
  if (continued !== null && !Number.isSafeInteger(continued.revision)) {
    return refused('token of another server');
  }
  return { type: 'token', token: { limit, page, continued } };
}

function decodeContinued(bytes: Buffer): PageToken['continued'] {
  const idEnd = headBytes + listingIdBytes;
  if (bytes.length < idEnd + revisionBytes) return null;
  const listing = bytes.toString('hex', headBytes, idEnd);
  const revision = Number(bytes.readBigUInt64LE(idEnd));
  const [name = '', machine = ''] = bytes.toString('utf8', idEnd + revisionBytes).split('/');
  return { listing, revision, after: { name, machine } };
}

/** Where it stops to be padded URL-safe base64; null: it is. */
function badBase64At(value: string): number | null {
  const [good = ''] = /^[A-Za-z0-9_-]*/.exec(value) ?? [];
  const padding = '='.repeat((4 - (good.length % 4)) % 4);
  const isWhole = value === good + padding && good.length % 4 !== 1;
  return isWhole ? null : good.length;
}

function refused(why: string): DecodedToken {
  return { type: 'refused', why };
}
