/**
 * Server-sent events, as browsers' EventSource reads them.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export interface ServerSentEvent {
  /** null: it keeps the one before. */
  readonly id: string | null;
  /** `message` when it says none. */
  readonly event: string;
  /** null: there is none. Such an event is no event, but its id counts. */
  readonly data: string | null;
}

/** @param data - without line breaks, as JSON is */
export function formatSse({ id, event, data }: Partial<ServerSentEvent>): string {
  return [
    ...(id == null ? [] : [`id: ${id}\n`]),
    ...(event === undefined ? [] : [`event: ${event}\n`]),
    ...(data == null ? [] : [`data: ${data}\n`]),
    '\n',
  ].join('');
}

/** A line that says nothing; it shows that the connection lives. */
export const sseComment = ':\n';

/** How long a reader waits before it connects again. */
export function sseRetry(ms: number): string {
  return `retry: ${ms}\n`;
}

/**
 * Reads the events of a stream, however it comes in pieces. Lines end with LF or CR LF; an event
 * that is not finished is dropped.
 */
export async function* parseSse(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  let id: string | null = null;
  let event = '';
  let data: string[] = [];
  for await (const line of linesOf(pieces)) {
    if (line === '') {
      if (id !== null || data.length > 0) {
        const text = data.length === 0 ? null : data.join('\n');
        yield { id, event: event === '' ? 'message' : event, data: text };
      }
      id = null;
      event = '';
      data = [];
      continue;
    }
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === 'id') id = value;
    else if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}
