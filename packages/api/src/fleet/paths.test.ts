import { resolveFleetPath } from './paths.ts';
import type { FleetTarget } from './paths.ts';

test.each<[string, FleetTarget | null]>([
  ['/', { type: 'prefix' }],
  ['/fleet/v1', { type: 'prefix' }],
  ['/fleet/v1/units', { type: 'units' }],
  ['/fleet/v1/%75nits', { type: 'units' }],
  ['/v1-alpha/machines', { type: 'machines' }],
  ['/v1-alpha/discovery', { type: 'discovery' }],
  ['/fleet/v1/state', { type: 'states' }],
  ['/fleet/v1/states', { type: 'nothing' }],
  ['/fleet/v1/state/a@1.service', { type: 'state', name: 'a@1.service' }],
  ['/fleet/v1/units/a%401.service', { type: 'unit', name: 'a@1.service' }],
  ['/fleet/v1/units/a%5Cx2d.service', { type: 'unit', name: 'a\\x2d.service' }],
  ['/fleet/v1/units/a%2Fb.service', { type: 'nothing' }],
  ['/fleet/v1/Units', { type: 'nothing' }],
  ['/fleet/v1/__proto__/x', { type: 'nothing' }],
  ['/fleet/v1/constructor', { type: 'nothing' }],
  ['/fleet/v1/units//a', { type: 'moved', to: '/fleet/v1/units/a' }],
  ['//fleet/v1/units', { type: 'moved', to: '/fleet/v1/units' }],
  ['/fleet/v1//', { type: 'moved', to: '/fleet/v1/' }],
  ['/fleet/v1/units/..', { type: 'moved', to: '/fleet/v1/' }],
  ['/x/../fleet/./v1/units/a%3Fb%23c%25', { type: 'moved', to: '/fleet/v1/units/a%3Fb%23c%25' }],
  ['//evil.example/fleet/v1/units', null],
  ['/fleet/v1/../../v1/units', null],
  ['/fleet/v1x', null],
  ['/fleet', null],
  ['/v1/units', null],
  ['', null],
  ['*', null],
  ['/v1/units/%zz', null],
  ['/fleet/v1/%ff', { type: 'malformed', why: '"/fleet/v1/%ff" is not properly percent-encoded' }],
])('%s', (path, target) => {
  expect(resolveFleetPath(path)).toEqual(target);
});
