import fc from 'fast-check';
import { formatSse, parseSse, sseComment, sseRetry } from './sse.ts';
import type { ServerSentEvent } from './sse.ts';

async function parse(pieces: readonly Uint8Array[]): Promise<ServerSentEvent[]> {
  const found: ServerSentEvent[] = [];
  for await (const event of parseSse(
    (async function* () {
      yield* pieces;
    })(),
  )) {
    found.push(event);
  }
  return found;
}

test.each<[string, string, ServerSentEvent[]]>([
  [
    'an event',
    'id: 7.1\nevent: x\ndata: {"a":1}\n\n',
    [{ id: '7.1', event: 'x', data: '{"a":1}' }],
  ],
  ['without the spaces', 'id:7\ndata:x\n\n', [{ id: '7', event: 'message', data: 'x' }]],
  [
    'data on several lines',
    'data: a\ndata\ndata: b\n\n',
    [{ id: null, event: 'message', data: 'a\n\nb' }],
  ],
  ['an id alone', 'id: 8\n\n', [{ id: '8', event: 'message', data: null }]],
  ['comments, retry and unknown fields', `${sseComment}${sseRetry(5)}x: y\n\n\n`, []],
  [
    'other line ends',
    'id: 1\r\ndata: a\r\n\r\ndata: b\n\n',
    [
      { id: '1', event: 'message', data: 'a' },
      { id: null, event: 'message', data: 'b' },
    ],
  ],
  [
    'an event that was cut off is none',
    'data: a\n\ndata: b\n',
    [{ id: null, event: 'message', data: 'a' }],
  ],
])('%s', async (_, text, events) => {
  expect(await parse([Buffer.from(text)])).toEqual(events);
});

test('what is written is read, however it is cut into pieces', async () => {
  const word = fc.stringMatching(/^[a-z0-9.-]{1,12}$/);
  const event = fc.record({ id: word, event: word, data: fc.json() });
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.array(fc.nat({ max: 40 })), async (events, sizes) => {
      let rest = Buffer.from(events.map(formatSse).join(sseComment));
      const pieces: Buffer[] = [];
      for (const size of sizes) {
        pieces.push(rest.subarray(0, size));
        rest = rest.subarray(size);
      }
      expect(await parse([...pieces, rest])).toEqual(events);
    }),
  );
});
