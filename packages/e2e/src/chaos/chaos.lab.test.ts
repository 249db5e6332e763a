import { Lab, testLabName } from '../lab.ts';
import { countsOf } from './counts.ts';
import type { TimedFault } from './fault.ts';
import { runChaos } from './run.ts';

jest.setTimeout(240_000);

/** Some of each: of machines, their ways to etcd, members of etcd, and all of etcd. */
const rounds: readonly (readonly TimedFault[])[] = [
  [
    { atMs: 500, fault: { kind: 'cut', machine: 2, forMs: 12_000 } },
    { atMs: 3000, fault: { kind: 'musterd-kill', machine: 3 } },
    { atMs: 4000, fault: { kind: 'link-half-open', machine: 5, forMs: 3000 } },
  ],
  [
    { atMs: 500, fault: { kind: 'etcd-away', forMs: 9000 } },
    { atMs: 1000, fault: { kind: 'power-cut', machine: 1, forMs: 10_000 } },
    { atMs: 2000, fault: { kind: 'musterd-hang', machine: 4, forMs: 3000 } },
  ],
];

const lab = new Lab(testLabName('chaos'));
afterAll(() => lab.down());

test('two rounds of faults break no promise', async () => {
  const { evidence, violations } = await runChaos({
    lab,
    seed: 4,
    faultsOf: (round) => rounds[round - 1] ?? null,
    say: () => undefined,
  });
  expect(violations).toEqual([]);
  // Nothing can have been broken where nothing happened.
  expect(evidence.faults).toHaveLength(6);
  expect(evidence.requests.filter(({ outcome }) => outcome === 'done').length).toBeGreaterThan(5);
  expect(countsOf(evidence).join('\n')).toMatch(/[1-9]\d* moves/);
});
