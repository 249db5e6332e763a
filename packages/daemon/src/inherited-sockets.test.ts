import { forgetInheritedSockets, handedDescriptors, socketPaths } from './inherited-sockets.ts';

test.each([
  ['nothing', {}, []],
  ['sockets for another process', { LISTEN_PID: '8', LISTEN_FDS: '1' }, []],
  ['a number without a process', { LISTEN_FDS: '1' }, []],
  ['none', { LISTEN_PID: '7', LISTEN_FDS: '0' }, []],
  [
    'sockets without names',
    { LISTEN_PID: '7', LISTEN_FDS: '2' },
    [
      { fd: 3, name: 'unknown' },
      { fd: 4, name: 'unknown' },
    ],
  ],
  [
    'sockets with names',
    { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a.socket:b' },
    [
      { fd: 3, name: 'a.socket' },
      { fd: 4, name: 'b' },
    ],
  ],
])('an environment that hands over %s', (_, env, expected) => {
  expect(handedDescriptors(env, 7)).toEqual(expected);
});

test.each(['', 'three', '-1', '1.5', '99999'])('%p is no number of sockets', (count) => {
  expect(() => handedDescriptors({ LISTEN_PID: '7', LISTEN_FDS: count }, 7)).toThrow(
    `LISTEN_FDS is "${count}" where the number of sockets belongs`,
  );
});

test('the variables are taken out, and only they', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'a', PATH: '/bin' };
  forgetInheritedSockets(env);
  expect(env).toEqual({ PATH: '/bin' });
});

test('the table of the kernel has paths of sockets, some without one', () => {
  const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000014d1c5b4: 00000003 00000000 00000000 0001 03  7002
00000000f1d9a1b2: 00000002 00000000 00010000 0001 01 19842 /run/muster/muster.sock
0000000025f8c2a1: 00000002 00000000 00010000 0001 01  7003 @abstract
00000000aa000001: 00000002 00000000 00010000 0001 01   441 /run/a b.sock
`;
  expect([...socketPaths(table)]).toEqual([
    ['19842', '/run/muster/muster.sock'],
    ['441', '/run/a b.sock'],
  ]);
});
