import type { DesiredState, Unit } from '@muster/core';
import { decideUnitWrite } from './decide-unit-write.ts';
import type { UnitContext, UnitWish } from './decide-unit-write.ts';
import { nowhere } from './unit-places.ts';

const origin = { by: 'me@here' };
const old = { hash: 'old', text: 'OLD' };
const fresh = { hash: 'new', text: 'NEW' };

function wish(more: Partial<UnitWish>): UnitWish {
  return {
    name: 'web.service',
    template: null,
    isTemplate: false,
    content: null,
    desiredState: null,
    restart: false,
    startFailed: false,
    replace: false,
    ...more,
  };
}

type More = Partial<Pick<Unit, 'name' | 'perMachine'>> & { file?: null };

function stored(desiredState: DesiredState, { file, ...more }: More = {}) {
  const revisions = { createRevision: 3, modRevision: 7 };
  const unit = { name: 'web.service', hash: 'old', desiredState, restarts: 2, ...revisions };
  return { unit: { ...unit, origin: { by: 'x' }, ...more }, file: file === null ? null : 'OLD' };
}

function decide(request: Partial<UnitWish>, context: Partial<UnitContext>): string {
  const decision = decideUnitWrite(wish(request), {
    current: null,
    template: null,
    places: nowhere,
    origin,
    ...context,
  });
  switch (decision.type) {
    case 'nothing':
      return 'nothing';
    case 'refused':
      return `${decision.problem.status} ${decision.problem.message}`;
    case 'write': {
      const { expect: from, set } = decision.write;
      const mark = decision.isNewContent ? '*' : '';
      const own = Object.entries(set.perMachine ?? {}).map(
        ([id, { restarts, starts }]) => `+${id}:${restarts}/${starts}`,
      );
      const restarts = [set.restarts, ...own].join('');
      return `write@${from} ${set.hash}/${set.file}${mark} ${set.desiredState} ${restarts} ${set.origin.by}`;
    }
  }
}

const inactive = { current: stored('inactive') };
const launched = { current: stored('launched') };
const perMachine = { m1: { restarts: 3, starts: 1 }, gone: { restarts: 9, starts: 0 } };
const uneven = stored('launched', { perMachine });
const on = (holders: string[], failed: string[] = []) => ({
  places: { holders: new Set(holders), failed: new Set(failed) },
});
const instance = { name: 'web@1.service', template: 'web@.service' };
const template = { name: 'web@.service', isTemplate: true };

test.each<[string, Partial<UnitWish>, Partial<UnitContext>, string]>([
  ['a new unit is inactive', { content: fresh }, {}, 'write@0 new/NEW* inactive 0 me@here'],
  [
    'a new unit can be launched at once',
    { content: fresh, desiredState: 'launched' },
    {},
    'write@0 new/NEW* launched 0 me@here',
  ],
  [
    'restarting a new unit launches it',
    { content: fresh, restart: true },
    {},
    'write@0 new/NEW* launched 0 me@here',
  ],
  [
    'a unit that is not there needs a file',
    { desiredState: 'launched' },
    {},
    '404 unit "web.service" does not exist, and no unit file was given',
  ],
  ['the same content again is nothing to do', { content: old }, inactive, 'nothing'],
  ['so is the state that it has', { desiredState: 'launched' }, launched, 'nothing'],
  ['naming a unit that exists is nothing to do', {}, launched, 'nothing'],
  [
    'other content is a conflict',
    { content: fresh },
    launched,
    '409 unit "web.service" exists with other content',
  ],
  [
    'replacing keeps the desired state and the restarts',
    { content: fresh, replace: true },
    launched,
    'write@7 new/NEW* launched 2 me@here',
  ],
  [
    'replacing may change the state as well',
    { content: fresh, replace: true, desiredState: 'loaded' },
    launched,
    'write@7 new/NEW* loaded 2 me@here',
  ],
  ['replacing by the same is nothing to do', { content: old, replace: true }, launched, 'nothing'],
  [
    'a new state keeps the content',
    { desiredState: 'loaded' },
    launched,
    'write@7 old/OLD loaded 2 me@here',
  ],
  ['a restart is counted', { restart: true }, launched, 'write@7 old/OLD launched 3 me@here'],
  [
    'restarting what is not launched launches it',
    { restart: true },
    inactive,
    'write@7 old/OLD launched 2 me@here',
  ],
  [
    'an instance takes the content of its template',
    { ...instance, desiredState: 'launched' },
    { template: fresh },
    'write@0 new/NEW* launched 0 me@here',
  ],
  [
    'an instance that exists keeps its content',
    { ...instance, desiredState: 'loaded' },
    { template: fresh, current: stored('launched', { name: instance.name }) },
    'write@7 old/OLD loaded 2 me@here',
  ],
  [
    'unless it is to be replaced',
    { ...instance, replace: true },
    { template: fresh, current: stored('launched', { name: instance.name }) },
    'write@7 new/NEW* launched 2 me@here',
  ],
  [
    'its own file goes before the template',
    { ...instance, content: old },
    { template: fresh },
    'write@0 old/OLD* inactive 0 me@here',
  ],
  [
    'an instance without a template is missing',
    instance,
    {},
    '404 unit "web@1.service" does not exist, nor does its template "web@.service", and no unit file was given',
  ],
  [
    'a template can be submitted',
    { ...template, content: fresh },
    {},
    'write@0 new/NEW* inactive 0 me@here',
  ],
  [
    'but not started',
    { ...template, content: fresh, desiredState: 'launched' },
    {},
    '400 cannot activate template "web@.service"',
  ],
  [
    'nor restarted',
    { ...template, restart: true },
    { current: stored('inactive', { name: template.name }) },
    '400 cannot activate template "web@.service"',
  ],
  [
    'content that the store lost is asked for',
    { desiredState: 'launched' },
    { current: stored('inactive', { file: null }) },
    '409 the content of unit "web.service" (old) is missing in the store: submit it again',
  ],
  [
    'and written again when it is given',
    { content: old },
    { current: stored('inactive', { file: null }) },
    'write@7 old/OLD inactive 2 me@here',
  ],
  [
    'a restart of all is one more than any machine has seen',
    { restart: true },
    { current: uneven },
    'write@7 old/OLD launched 12 me@here',
  ],
  [
    'a restart on one machine is counted there, and what is not there any more is forgotten',
    { restart: ['m2'] },
    { current: uneven, ...on(['m1', 'm2']) },
    'write@7 old/OLD launched 2+m1:3/1+m2:1/0 me@here',
  ],
  [
    'a restart comprises the starts before it',
    { restart: ['m1'] },
    { current: uneven, ...on(['m1', 'm2']) },
    'write@7 old/OLD launched 2+m1:4/0 me@here',
  ],
  [
    'it is not restarted where it is not',
    { restart: ['m1', 'm3', 'm4'] },
    { ...launched, ...on(['m1', 'm2']) },
    '409 unit "web.service" is not on m3, m4',
  ],
  [
    'nor on one machine when it is not launched',
    { restart: ['m1'] },
    { current: stored('loaded'), ...on(['m1']) },
    '409 unit "web.service" is loaded, not launched: it cannot be restarted on single machines',
  ],
  [
    'nor when it does not exist',
    { restart: ['m1'], content: fresh },
    {},
    '404 unit "web.service" does not exist',
  ],
  [
    'one that has failed is started again, there only',
    { desiredState: 'launched', startFailed: true },
    { ...launched, ...on(['m1', 'm2'], ['m2']) },
    'write@7 old/OLD launched 2+m2:0/1 me@here',
  ],
  [
    'one that has failed is left alone without that',
    { desiredState: 'launched' },
    { ...launched, ...on(['m1'], ['m1']) },
    'nothing',
  ],
  [
    'one that has not failed is left alone',
    { desiredState: 'launched', startFailed: true },
    { current: uneven, ...on(['m1']) },
    'nothing',
  ],
  [
    'launching one is enough, whatever became of it before',
    { desiredState: 'launched', startFailed: true },
    { current: stored('loaded'), ...on(['m1'], ['m1']) },
    'write@7 old/OLD launched 2 me@here',
  ],
  [
    'what machines were asked for stays as it is when something else changes',
    { desiredState: 'loaded' },
    { current: uneven },
    'write@7 old/OLD loaded 2+m1:3/1+gone:9/0 me@here',
  ],
])('%s', (_, request, context, expected) => {
  expect(decide(request, context)).toBe(expected);
});
