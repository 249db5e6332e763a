import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from './evidence.ts';
import type { StoreChange } from './evidence.ts';
import { changesOf } from './store-access.ts';
import type { StoreAccess, WatchAnswer } from './store-access.ts';

/** A watch that says nothing for so long is opened anew at another member: it may hang. */
const silenceMs = 4000;
const retryMs = 200;

/** Keeps every change of the store from a revision on, through whatever happens to etcd. */
export class StoreRecorder {
  readonly #access: StoreAccess;
  readonly #changes: StoreChange[] = [];
  readonly #over = new AbortController();
  #next: number;
  #gap: string | null = null;
  #stream: IncomingMessage | null = null;
  #running: Promise<void> = Promise.resolve();

  /** @param from - the first revision of interest */
  constructor(access: StoreAccess, from: number) {
    this.#access = access;
    this.#next = from;
  }

  start(): void {
    this.#running = this.#run();
  }

  get changes(): readonly StoreChange[] {
    return this.#changes;
  }

  /** Everything before this revision is there. */
  get next(): number {
    return this.#next;
  }

  /** Why the history is not complete; null: it is. */
  get gap(): string | null {
    return this.#gap;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    this.#stream?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    for (let member = 0; !signal.aborted && this.#gap === null; member += 1) {
      try {
        this.#stream = await this.#access.watch(member, this.#next);
        await this.#follow(this.#stream);
      } catch {
        // That member is away; the history itself says later whether anything is missing.
      }
      if (!signal.aborted) await pause(retryMs);
    }
  }

  async #follow(stream: IncomingMessage): Promise<void> {
    const silence = setTimeout(() => stream.destroy(), silenceMs);
    try {
      for await (const line of linesOf(stream)) {
        silence.refresh();
        const answer: WatchAnswer = JSON.parse(line);
        if (answer.result?.canceled === true) {
          const oldest = answer.result.compact_revision ?? '0';
          if (oldest !== '0') this.#gap = `revisions ${this.#next} to ${oldest} were forgotten`;
          return;
        }
        this.#take(changesOf(answer, monotonicMs()));
      }
    } finally {
      clearTimeout(silence);
      stream.destroy();
    }
  }

  /** Transactions are never split over answers. */
  #take(changes: readonly StoreChange[]): void {
    this.#changes.push(...changes.filter(({ revision }) => revision >= this.#next));
    const last = changes.at(-1);
    if (last !== undefined) this.#next = Math.max(this.#next, last.revision + 1);
  }
}

/** Ends with an error when the stream is destroyed; readline would wait for ever. */
async function* linesOf(stream: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of stream.setEncoding('utf8')) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
