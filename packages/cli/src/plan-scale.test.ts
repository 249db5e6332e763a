import { planScale } from './plan-scale.ts';
import type { ScalePlan } from './plan-scale.ts';

const unit = (name: string, desiredState: 'inactive' | 'loaded' | 'launched' = 'launched') => {
  return { name: `${name}.service`, desiredState };
};
const web = (...numbers: number[]) => numbers.map((n) => unit(`web@${n}`));
const plan = (start: string[], destroy: string[]): ScalePlan => {
  return {
    start: start.map((name) => `${name}.service`),
    destroy: destroy.map((name) => `${name}.service`),
  };
};

test.each<[string, ReturnType<typeof web>, number, ScalePlan]>([
  ['the first ones', [], 2, plan(['web@1', 'web@2'], [])],
  ['as many as there are', web(1, 2), 2, plan([], [])],
  ['one more', web(1, 2), 3, plan(['web@3'], [])],
  ['fewer: the highest go first', web(9, 10, 1, 2), 1, plan([], ['web@10', 'web@9', 'web@2'])],
  ['none', web(1), 0, plan([], ['web@1'])],
  ['a gap is filled', web(1, 3), 2, plan(['web@2'], ['web@3'])],
  [
    'one that is there and not launched is started',
    [unit('web@1', 'loaded'), unit('web@2', 'inactive')],
    1,
    plan(['web@1'], ['web@2']),
  ],
  [
    'what has no number, and what is no instance of it, is left alone',
    [unit('web@'), unit('web@blue'), unit('web@01'), unit('web@1a'), unit('api@7'), unit('web-2')],
    0,
    plan([], []),
  ],
])('%s', (_, units, count, expected) => {
  const others = [{ name: 'web@8.timer', desiredState: 'launched' as const }];
  expect(planScale('web@.service', count, [...units, ...others])).toEqual(expected);
});
