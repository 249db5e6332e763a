import { collide, covers, parseListenAddress, showListenAddress } from './listen-address.ts';

test.each([
  ['the same path', 'unix:/a', 'unix:///a', true],
  ['another path', 'unix:/a', 'unix:/b', false],
  ['a socket and a port', 'unix:/a', 'tcp:0.0.0.0:1', false],
  ['the same address', 'tcp:10.0.0.1:1', 'tcp:10.0.0.1:1', true],
  ['another port', 'tcp:10.0.0.1:1', 'tcp:10.0.0.1:2', false],
  ['another address', 'tcp:10.0.0.1:1', 'tcp:10.0.0.2:1', false],
  ['all addresses of IPv4, one of them', 'tcp:0.0.0.0:1', 'tcp:10.0.0.1:1', true],
  ['all addresses of IPv4, one of IPv6', 'tcp:0.0.0.0:1', 'tcp:[::1]:1', false],
  ['all addresses, one of IPv4', 'tcp:[::]:1', 'tcp:10.0.0.1:1', true],
  ['all addresses, all of IPv4', 'tcp:[::]:1', 'tcp:0.0.0.0:1', true],
  ['one address, all of them', 'tcp:10.0.0.1:1', 'tcp:0.0.0.0:1', false],
])('%s: what listens on %s listens on %s as well: %s', (_, open, wanted, expected) => {
  expect(covers(parseListenAddress(open), parseListenAddress(wanted))).toBe(expected);
});

test.each([
  ['tcp:10.0.0.1:1', 'tcp:0.0.0.0:1', true],
  ['tcp:0.0.0.0:1', 'tcp:10.0.0.1:1', true],
  ['tcp:10.0.0.1:1', 'tcp:10.0.0.2:1', false],
  ['unix:/a', 'unix:/a', false],
])('%s and %s cannot both be had: %s', (a, b, expected) => {
  expect(collide(parseListenAddress(a), parseListenAddress(b))).toBe(expected);
});

test.each(['unix:/run/a', 'tcp:10.0.0.1:80', 'tcp:[::1]:80', 'tcp:localhost:0'])(
  '%s is shown as it is written',
  (address) => {
    expect(showListenAddress(parseListenAddress(address))).toBe(address);
  },
);
