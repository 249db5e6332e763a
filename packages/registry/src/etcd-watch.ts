import type {
  IDuplexStream,
  IWatchCreateRequest,
  IWatchRequest,
  IWatchResponse,
  WatchClient,
} from 'etcd3';
import { revisionOf, toKeyEvent } from './etcd-messages.ts';
import { CompactedError, revisionAt } from './store.ts';
import type { KeyEvent, Watch, WatchListener } from './store.ts';

export interface EtcdWatchOptions {
  readonly client: WatchClient;
  readonly requests: readonly IWatchCreateRequest[];
  readonly openWithinMs: number;
  readonly translate: (error: unknown) => Error;
  /** The stream did not open in time. */
  readonly hung: () => void;
  /** It is open now, or no longer. */
  readonly stands: (isOpen: boolean) => void;
  readonly listener: WatchListener;
}

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

/** What etcd3 hands out is grpc-js's stream, a Readable; etcd3's type does not say so. */
interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * One watch stream of etcd's own protocol. etcd3's Watcher is not used: it resumes from the
 * revision of the last response instead of the last event, and so loses events.
 */
export function openEtcdWatch(options: EtcdWatchOptions): Watch {
  const watch = new EtcdWatch(options);
  watch.open();
  return watch;
}

class EtcdWatch implements Watch {
  readonly #options: EtcdWatchOptions;
  /** watch id → index of the range */
  readonly #ranges = new Map<string, number>();
  /** range → the last transaction of an answer that came in pieces: its rest may be in the next. */
  readonly #held = new Map<number, readonly KeyEvent[]>();
  #stream: Stream | null = null;
  #isOpen = false;
  #isOver = false;
  #isPaused = false;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
  }

  open(): void {
    const { client, hung, openWithinMs } = this.#options;
    this.#watchdog = setTimeout(() => {
      this.#fail(new Error(`it was not opened within ${openWithinMs / 1000} s`));
      hung();
    }, openWithinMs);
    client.watch().then(
      (stream) => this.#use(stream),
      (error: unknown) => this.#fail(error),
    );
  }

  close(): void {
    this.#isOver = true;
    this.#setOpen(false);
    clearTimeout(this.#watchdog);
    // Ended first: etcd3 takes the error of a stream that is still writable, also that of a
    // cancellation, as a reason to drop the whole connection.
    this.#stream?.end();
    this.#stream?.cancel();
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#stream !== null) pausable(this.#stream).pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#stream !== null) pausable(this.#stream).resume();
  }

  #use(stream: Stream): void {
    stream
      .on('error', (error) => this.#fail(error))
      .on('end', () => this.#fail(new Error('etcd ended the stream')))
      .on('data', (answer) => this.#take(answer));
    if (this.#isPaused) pausable(stream).pause();
    this.#stream = stream;
    if (this.#isOver) return this.close();
    for (const request of this.#options.requests) {
      stream.write({ create_request: { ...request, progress_notify: true } });
    }
  }

  #take(answer: IWatchResponse): void {
    if (this.#isOver) return;
    const { listener, requests, translate } = this.#options;
    if (answer.canceled) {
      const isCompacted = answer.compact_revision !== '0';
      const reason = answer.cancel_reason === '' ? 'no reason given' : answer.cancel_reason;
      const error = translate(new Error(`etcd cancelled it: ${reason}`));
      const oldest = revisionOf(answer.compact_revision);
      this.#fail(isCompacted ? new CompactedError(error.message, { oldest }) : error);
      return;
    }
    const revision = revisionOf(answer.header.revision);
    if (answer.created) {
      // etcd answers in the order it was asked in.
      this.#ranges.set(answer.watch_id, this.#ranges.size);
      if (this.#ranges.size < requests.length) return;
      clearTimeout(this.#watchdog);
      this.#setOpen(true);
      listener.opened(revision);
      return;
    }
    const range = this.#ranges.get(answer.watch_id);
    if (range !== undefined) this.#deliver(range, answer);
  }

  #deliver(range: number, { header, events: pieces, fragment }: IWatchResponse): void {
    const { listener, requests } = this.#options;
    const withBefore = requests[range]?.prev_kv === true;
    const fresh = pieces.map((event) => toKeyEvent(event, withBefore));
    const events = [...(this.#held.get(range) ?? []), ...fresh];
    const last = events.at(-1);
    // The header may be ahead of the events: only what was delivered counts.
    const revision = last === undefined ? revisionOf(header.revision) : revisionAt(last);
    this.#held.delete(range);
    if (!fragment) return listener.events(range, events, revision);
    const whole = events.filter((event) => revisionAt(event) < revision);
    this.#held.set(range, events.slice(whole.length));
    const end = whole.at(-1);
    if (end !== undefined) listener.events(range, whole, revisionAt(end));
  }

  #setOpen(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return;
    this.#isOpen = isOpen;
    this.#options.stands(isOpen);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.close();
    const { listener, translate } = this.#options;
    listener.failed(error instanceof CompactedError ? error : translate(error));
  }
}

function pausable(stream: Stream): Pausable {
  if (isPausable(stream)) return stream;
  throw new Error('a watch stream of etcd3 cannot be paused');
}

function isPausable(stream: Stream): stream is Stream & Pausable {
  return 'pause' in stream && 'resume' in stream;
}
