import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import path from 'node:path';
import { simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);

describe('files that cannot be read', () => {
  const loop = 'cannot read loop.service: too many symbolic links encountered';
  const long = 'a'.repeat(300);
  test.each([
    [['verify', 'loop.service'], loop],
    [['start', 'loop'], loop],
    [['submit', 'units'], `cannot read units/${loop.slice('cannot read '.length)}`],
    [['submit', 'web.service/x'], 'there is no file web.service/x.service'],
    [['verify', `units/${long}`], `there is no file units/${long}.service`],
    [['list-units', '--ca-file', 'none'], 'cannot read none: no such file or directory'],
    [['list-units', '--ca-file', '.'], 'cannot read .: illegal operation on a directory'],
  ])('%j', async (args, message) => {
    const { dir } = cli();
    cli().unitFile('web.service', simple);
    symlinkSync('loop.service', path.join(dir, 'loop.service'));
    mkdirSync(path.join(dir, 'units'));
    symlinkSync('loop.service', path.join(dir, 'units', 'loop.service'));
    expect(await musterctl(...args)).toEqual({ status: 2, out: '', err: `error: ${message}\n` });
  });
});

describe('output that nobody takes', () => {
  /** @param err - a descriptor; `gone`: a pipe whose reader has gone */
  function run(
    args: readonly string[],
    out: number,
    err: number | 'gone' | 'pipe',
  ): Promise<Ended> {
    const env = { PATH: process.env['PATH'], MUSTER_ENDPOINT: cli().socket };
    const stdio: ['ignore', number, number | 'pipe'] = [
      'ignore',
      out,
      err === 'gone' ? 'pipe' : err,
    ];
    const child = spawn(process.execPath, [cli().program('musterctl'), ...args], { env, stdio });
    const ended = { out: '', err: '' };
    if (err === 'gone') child.stderr?.destroy();
    else child.stderr?.on('data', (piece: Buffer) => (ended.err += piece.toString()));
    return new Promise((resolve) => {
      child.once('close', (status) => resolve({ status: status ?? -1, ...ended }));
    });
  }
  let full: number;
  beforeEach(() => {
    full = openSync('/dev/full', 'w');
  });
  afterEach(() => closeSync(full));

  test.each([['version'], ['help'], ['list-units'], ['list-machines', '-o', 'json'], ['events']])(
    '%s onto a full disk says so',
    async (...args) => {
      await musterctl('submit', cli().unitFile('web.service', simple));
      const err = 'error: cannot write the output: no space left on device\n';
      expect(await run(args, full, 'pipe')).toEqual({ status: 1, out: '', err });
    },
  );

  test('what cannot be said does not change the exit status', async () => {
    expect(await run(['status', 'none'], full, full)).toMatchObject({ status: 4 });
    expect(await run(['status', 'none'], full, 'gone')).toMatchObject({ status: 4 });
    expect(await run(['strat'], full, 'gone')).toMatchObject({ status: 2 });
  });
});

describe('something else at the endpoint', () => {
  let server: Server;
  let onAsked: (socket: Socket) => void;
  const endpoint = (): string => {
    const address: AddressInfo | string | null = server.address();
    return typeof address === 'string' || address === null
      ? ''
      : `http://127.0.0.1:${address.port}`;
  };
  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => onAsked(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => server.close());

  const id = '1'.repeat(32);
  const verbs = [
    ['list-units'],
    ['list-units', '--watch'],
    ['start', 'web'],
    ['metadata', 'set', id, 'a=b'],
    ['events'],
    ['events', '-f'],
    ['journal', '-f', '--machine', id, 'web'],
  ];

  test.each(verbs)('that says nothing: %s %s', async (...args) => {
    onAsked = () => {};
    expect(await musterctl('--timeout', '0.1', '--endpoint', endpoint(), ...args)).toEqual({
      status: 3,
      out: '',
      err: `error: cannot reach musterd at ${endpoint()}: no answer within 0.1 s\n`,
    });
  });

  test.each(verbs.slice(0, 4))('that answers with a page: %s %s', async (...args) => {
    onAsked = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>');
    const why = 'what answers there is not musterd, or its answer was cut short';
    expect(await musterctl('--endpoint', endpoint(), ...args)).toEqual({
      status: 3,
      out: '',
      err: `error: cannot reach musterd at ${endpoint()}: ${why}\n`,
    });
  });

  test.each([['events'], ['journal', '--machine', id, 'web']])(
    'Ctrl-C before %s has told all is no success',
    async (...args) => {
      const command = [cli().program('musterctl'), '--endpoint', endpoint(), ...args];
      const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'pipe'] });
      let err = '';
      child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
      onAsked = () => child.kill('SIGINT');
      const status = await new Promise((resolve) => child.once('close', resolve));
      expect({ status, err }).toEqual({ status: 130, err: 'interrupted\n' });
    },
  );
});
