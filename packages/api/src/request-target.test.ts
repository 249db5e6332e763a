import { splitTarget } from './request-target.ts';

test.each([
  ['/v1/units', '/v1/units', ''],
  ['/v1/units?a=b&c=?', '/v1/units', 'a=b&c=?'],
  ['/v1/units?', '/v1/units', ''],
  ['http://domain-sock/fleet/v1/units?alt=json', '/fleet/v1/units', 'alt=json'],
  ['HTTPS://[::1]:49153/fleet/v1/units/a%401.service', '/fleet/v1/units/a%401.service', ''],
  ['http://domain-sock', '/', ''],
  ['http://domain-sock?x=y', '/', 'x=y'],
  ['http:///v1/units', '/v1/units', ''],
  ['/http://x/v1/units', '/http://x/v1/units', ''],
  ['//x/v1/units', '//x/v1/units', ''],
  ['*', '*', ''],
  ['', '/', ''],
])('%s', (target, path, search) => {
  expect(splitTarget(target)).toEqual({ path, search });
});
