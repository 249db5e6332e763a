import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { StoreChange } from './evidence.ts';

const prefix = '/muster/';
const answerWithinMs = 3000;

/** One record as etcd has it. */
export type StoredRecord = Omit<StoreChange, 'seenAt'>;

/** Asks etcd itself, over its HTTP gateway, through the unix sockets of relays to its members. */
export class StoreAccess {
  readonly #sockets: readonly string[];

  /** @param sockets - one for each member */
  constructor(sockets: readonly string[]) {
    this.#sockets = sockets;
  }

  get members(): number {
    return this.#sockets.length;
  }

  /** All records, linearizable, from whichever member answers. @throws when none does */
  async read(): Promise<{ revision: number; records: readonly StoredRecord[] }> {
    const answer = await this.#anyMember('/v3/kv/range', bounds());
    const { header, kvs = [] }: RangeAnswer = JSON.parse(answer);
    const records = kvs.map((kv) => recordOf(kv));
    return { revision: Number(header.revision), records };
  }

  /** Forgets what is older than `revision`. @throws when no member takes it */
  async compact(revision: number): Promise<void> {
    await this.#anyMember('/v3/kv/compaction', { revision });
  }

  /** Ends the lease of a key; nothing happens when there is none. @throws when no member takes it */
  async endLease(key: string): Promise<void> {
    const { kvs = [] }: RangeAnswer = JSON.parse(
      await this.#anyMember('/v3/kv/range', { key: btoa(`${prefix}${key}`) }),
    );
    const lease = kvs[0]?.lease;
    if (lease !== undefined) await this.#anyMember('/v3/lease/revoke', { ID: lease });
  }

  /** Which member leads, from 1; null: none says so. */
  async leader(): Promise<number | null> {
    for (const [i, socket] of this.#sockets.entries()) {
      try {
        const text = await textOf(await post(socket, { path: '/v3/maintenance/status', body: {} }));
        const { leader, header }: { leader?: string; header?: { member_id?: string } } =
          JSON.parse(text);
        if (leader !== undefined && leader === header?.member_id) return i + 1;
      } catch {
        // It is off, cut or hangs: another one leads, if any.
      }
    }
    return null;
  }

  /** Changes from a revision on, from one member. @param member - from 0 */
  watch(member: number, from: number): Promise<IncomingMessage> {
    const create = { ...bounds(), start_revision: String(from) };
    const socket = this.#sockets[member % this.#sockets.length] ?? '';
    return post(socket, { path: '/v3/watch', body: { create_request: create } });
  }

  async #anyMember(path: string, body: object): Promise<string> {
    let problem: unknown = new Error('etcd has no members');
    for (const socket of this.#sockets) {
      try {
        return await textOf(await post(socket, { path, body }));
      } catch (error) {
        problem = error;
      }
    }
    throw problem;
  }
}

/** A line of a watch's answer. */
export interface WatchAnswer {
  readonly result?: {
    readonly canceled?: boolean;
    readonly compact_revision?: string;
    readonly events?: readonly { readonly type?: 'DELETE'; readonly kv: KeyValue }[];
  };
}

interface RangeAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly KeyValue[];
}

interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly create_revision?: string;
  readonly lease?: string;
}

/** The changes that a watch told of at once. @param seenAt - when */
export function changesOf(answer: WatchAnswer, seenAt: number): StoreChange[] {
  return (answer.result?.events ?? []).map(({ type, kv }) => {
    if (type !== 'DELETE') return { ...recordOf(kv), seenAt };
    const revision = Number(kv.mod_revision);
    return { revision, key: keyOf(kv), record: null, createRevision: 0, seenAt };
  });
}

function recordOf(kv: KeyValue): StoredRecord {
  const text = Buffer.from(kv.value ?? '', 'base64').toString('utf8');
  const key = keyOf(kv);
  // Texts of unit files are no records.
  const record: Record<string, unknown> = key.startsWith('file/') ? {} : JSON.parse(text);
  const revision = Number(kv.mod_revision);
  return { revision, key, record, createRevision: Number(kv.create_revision ?? 0) };
}

function keyOf({ key }: KeyValue): string {
  return Buffer.from(key, 'base64').toString('utf8').slice(prefix.length);
}

function bounds(): { key: string; range_end: string } {
  return { key: btoa(prefix), range_end: btoa(`${prefix.slice(0, -1)}0`) };
}

function post(
  socketPath: string,
  { path, body }: { path: string; body: object },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method: 'POST', agent: false }, (answer) => {
      answer.setTimeout(0);
      if (answer.statusCode === 200) return resolve(answer);
      answer.resume();
      reject(new Error(`etcd answered ${path} with ${answer.statusCode}`));
    });
    asked.setTimeout(answerWithinMs, () => asked.destroy(new Error(`no answer to ${path}`)));
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const silence = setTimeout(() => answer.destroy(new Error('the answer stopped')), answerWithinMs);
  try {
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += String(piece);
    return text;
  } finally {
    clearTimeout(silence);
  }
}
