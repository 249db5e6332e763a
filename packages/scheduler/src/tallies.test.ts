import fc from 'fast-check';
import { settle, vacate } from './eligibility.ts';
import { buildModel } from './model-keeper.ts';
import { Tallies } from './tallies.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

const units = ['web@1', 'web@2', 'api@1', 'api-1', 'web-1'].map((name) => `${name}.service`);
const machines = ['m1', 'm2', 'm3'];

const model = (): ReturnType<typeof buildModel> => {
  const cluster = new PlannedCluster()
    .machine('m1', { az: 'a' })
    .machine('m2', { az: 'b' })
    .machine('m3');
  for (const name of units) cluster.unit(name);
  return buildModel(cluster.snapshot(), new Map());
};

/** Everything that can be asked of groups. */
function answers(tallies: Tallies, { hosts }: ReturnType<typeof buildModel>): unknown {
  const groups = [
    tallies.ofTemplate('web@.service'),
    tallies.ofTemplate('api@.service'),
    tallies.ofPatterns(['web@1.service', 'api-*.service']),
    tallies.ofPatterns(['w*', '*1.service']),
  ];
  return groups.map((tally) => ({
    on: [...hosts.values()].map((host) => tally.on(host)),
    least: tally.least(hosts.size),
    by: Object.fromEntries(tally.by('az')),
  }));
}

test('what is kept up is what counting anew says, whatever comes and goes', () => {
  const step = fc.record({
    unit: fc.constantFrom(...units),
    machine: fc.constantFrom(...machines),
    comes: fc.boolean(),
    asks: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { hosts, candidates, tallies, index, ...rest } = model();
      for (const { unit, machine, comes, asks } of steps) {
        const host = hosts.get(machine);
        const candidate = candidates.get(unit);
        if (host === undefined || candidate === undefined) throw new Error('it is not there');
        if (comes) settle(host, candidate);
        else vacate(host, unit);
        const all = { hosts, candidates, tallies, index, ...rest };
        if (!asks) continue;
        expect(answers(tallies, all)).toEqual(answers(new Tallies(hosts, index), all));
        const counts = [...hosts.values()].map((h) => tallies.ofTemplate('web@.service').on(h));
        expect(tallies.ofTemplate('web@.service').least(3)).toBe(Math.min(...counts));
      }
    }),
  );
});

test('of more patterns than are remembered each is counted right', () => {
  const { hosts, candidates, tallies } = model();
  const [host] = hosts.values();
  const candidate = candidates.get('web@1.service');
  if (host === undefined || candidate === undefined) throw new Error('it is not there');
  const first = tallies.ofPatterns(['web@*']);
  for (let i = 0; i < 5000; i += 1) tallies.ofPatterns([`other${i}*`]);
  settle(host, candidate);
  expect(tallies.ofPatterns(['web@*']).on(host)).toBe(1);
  // It was forgotten, and is not kept up.
  expect(first.on(host)).toBe(0);
});
