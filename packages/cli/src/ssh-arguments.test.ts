import { dialArguments } from './tunnel.ts';
import { loginArguments, parseDestination } from './ssh-arguments.ts';

test.each([
  ['bastion', { host: 'bastion', user: null, port: null }],
  ['bastion:2222', { host: 'bastion', user: null, port: 2222 }],
  ['core@10.0.0.1:22', { host: '10.0.0.1', user: 'core', port: 22 }],
  ['fe80::1%eth0', { host: 'fe80::1%eth0', user: null, port: null }],
  ['core@[2001:db8::1]:22', { host: '2001:db8::1', user: 'core', port: 22 }],
  ['[::1]', { host: '::1', user: null, port: null }],
])('a host to log in to: %s', (text, expected) => {
  expect(parseDestination(text)).toEqual({ shown: text, ...expected });
});

test.each(['', 'a:b', 'a:0', 'a:65536', 'a b', '@a', 'a@', 'a@b@c', '[a]:22', '[::1', 'a:22:22'])(
  'no host to log in to: "%s"',
  (text) => {
    expect(() => parseDestination(text)).toThrow('It must be [user@]host[:port].');
  },
);

/** The words in one line, with `|` between them. */
const line = (words: readonly string[]): string => words.join('|');

describe('logging in', () => {
  const login = { host: '10.0.0.1', port: null, flags: [], command: [] };

  test('overrides nothing that was not asked for', () => {
    expect(line(loginArguments({}, login))).toBe('--|10.0.0.1');
    expect(line(loginArguments({ strictHostKeyChecking: true }, login))).toBe('--|10.0.0.1');
  });

  test('has all options before the host, and leaves the command alone', () => {
    const options = { sshUsername: 'core', sshTimeout: 2.5, knownHostsFile: '~/my hosts' };
    const command = ['ls', '-l', 'a  b'];
    const args = loginArguments(options, { host: '::1', port: 2222, flags: ['-A', '-t'], command });
    expect(line(args)).toBe(
      '-l|core|-p|2222|-o|ConnectTimeout=3|-o|UserKnownHostsFile="~/my hosts"|-A|-t|--|::1|ls|-l|a  b',
    );
  });

  test('goes through a tunnel with the same options, but its own user and port', () => {
    const options = {
      tunnel: parseDestination("o'hara@[fe80::1%eth0]:2222"),
      sshUsername: 'core',
      knownHostsFile: '/etc/my hosts',
    };
    const args = loginArguments(options, { ...login, port: 22 });
    expect(args.slice(0, 7).join(' ')).toBe(
      '-l core -p 22 -o UserKnownHostsFile="/etc/my hosts" -o',
    );
    expect(args.slice(7)).toEqual([
      `ProxyCommand=ssh -l 'o'\\''hara' -p 2222 -o 'UserKnownHostsFile="/etc/my hosts"' -W '[%h]:%p' -- 'fe80::1%%eth0'`,
      '--',
      '10.0.0.1',
    ]);
  });

  test('without a check of keys keeps none', () => {
    const args = loginArguments({ strictHostKeyChecking: false, knownHostsFile: 'x' }, login);
    expect(line(args.filter((each) => each !== '-o'))).toBe(
      'StrictHostKeyChecking=no|UserKnownHostsFile=/dev/null|GlobalKnownHostsFile=/dev/null|LogLevel=ERROR|--|10.0.0.1',
    );
  });
});

describe('reaching an API', () => {
  const tunnel = parseDestination('bastion');

  test('a port by ssh itself', () => {
    const endpoint = { type: 'https', shown: '', host: '::1', port: 443, base: '' } as const;
    expect(line(dialArguments(tunnel, { sshUsername: 'core' }, endpoint))).toBe(
      '-T|-l|core|-W|[::1]:443|--|bastion',
    );
  });

  test('a socket by a program there, whatever its name', () => {
    const endpoint = { type: 'unix', shown: '', socketPath: "/run/it's.sock" } as const;
    const args = dialArguments(tunnel, {}, endpoint);
    expect(line(args.slice(0, -1))).toBe('-T|-o|ClearAllForwardings=yes|--|bastion');
    expect(args.at(-1)).toMatch(/^sh -c '[^']*' sh '\/run\/it'\\''s\.sock'$/);
  });
});
