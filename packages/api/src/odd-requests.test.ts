import { connect } from 'node:net';
import { ApiGround } from './testing/ground.ts';

let ground: ApiGround;
beforeAll(async () => {
  ground = await ApiGround.open();
});
afterAll(() => ground.close());

/** Sends bytes as they are. @returns everything that came back until the connection was ended */
function send(...pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(ground.socketPath);
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    socket.on('error', reject).on('close', () => resolve(text));
    for (const piece of pieces) socket.write(piece);
  });
}

const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n\r\n`;

test.each<[string, string, number]>([
  ['a method that nobody knows', lines('BREW /v1/units HTTP/1.1', 'Host: x'), 400],
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['a header without a name', lines('GET /v1/units HTTP/1.1', 'Host: x', ': y'), 400],
  ['headers without end', lines('GET / HTTP/1.1', 'Host: x', `X: ${'x'.repeat(70_000)}`), 431],
  ['CONNECT', lines('CONNECT example.com:443 HTTP/1.1', 'Host: x'), 405],
  [
    'a body whose chunks are none',
    `${lines('PUT /v1/units/a.service HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}zz\r\n`,
    400,
  ],
  [
    'the same for fleet’s API',
    `${lines('PUT /fleet/v1/units/a.service HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}zz\r\n`,
    400,
  ],
])('%s gets an answer', async (_what, request, status) => {
  const [head = '', body = ''] = (await send(request)).split('\r\n\r\n');
  expect(head.split('\r\n')[0]).toContain(`HTTP/1.1 ${status} `);
  expect(head).toContain('Content-Type: application/json');
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
  expect(JSON.parse(body).error).toEqual({
    code: 'malformed-request',
    message: expect.stringMatching(/./),
  });
});

test('an expectation that nobody knows is passed over', async () => {
  const request = lines(
    'GET /v1/version HTTP/1.1',
    'Host: x',
    'Expect: miracles',
    'Connection: close',
  );
  expect(await send(request)).toContain('HTTP/1.1 200 OK');
});

test('an upgrade that nobody knows is passed over', async () => {
  const request = lines(
    'GET /v1/version HTTP/1.1',
    'Host: x',
    'Connection: upgrade, close',
    'Upgrade: ws',
  );
  expect(await send(request)).toContain('HTTP/1.1 200 OK');
});

test('the next request on the connection of a refused one is answered', async () => {
  const refused = lines('POST /fleet/v1/units HTTP/1.1', 'Host: x', 'Content-Length: 5');
  const good = lines('GET /v1/version HTTP/1.1', 'Host: x', 'Connection: close');
  const answers = await send(`${refused}hello${good}`);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 200']);
});
