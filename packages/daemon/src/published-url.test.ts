import { publishedUrl } from './published-url.ts';

test.each<[string, readonly string[], string | null, boolean, string | null]>([
  ['only a unix socket', ['unix:/run/muster/muster.sock'], '10.0.0.5', false, null],
  ['one address', ['unix:/s', 'tcp:10.0.0.5:49153'], '10.0.0.9', false, 'http://10.0.0.5:49153'],
  ['every address', ['tcp:0.0.0.0:49153'], '10.0.0.5', true, 'https://10.0.0.5:49153'],
  ['every IPv6 address', ['tcp:[::]:49153'], 'fd00::5', true, 'https://[fd00::5]:49153'],
  ['every address of a machine without one', ['tcp:0.0.0.0:49153'], null, true, null],
])('the URL for other daemons when it listens on %s', (_name, bound, address, isTls, url) => {
  expect(publishedUrl(bound, address, isTls)).toBe(url);
});
