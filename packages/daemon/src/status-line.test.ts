import { VirtualClock } from '@muster/core/testing';
import { StatusLine, statusText } from './status-line.ts';
import type { StatusFacts } from './status-line.ts';

const facts: StatusFacts = {
  machine: '3d12abcd'.repeat(4),
  bound: ['unix:/run/muster/muster.sock', 'tcp:10.0.0.5:49153'],
  isLeading: false,
  isRegistered: true,
  store: 'answers',
  units: 12,
  unitsWithoutStore: null,
};
const api = 'API on unix:/run/muster/muster.sock, tcp:10.0.0.5:49153';

test.each<[string, Partial<StatusFacts>, string]>([
  ['at work', {}, `12 units; ${api}`],
  ['leading', { isLeading: true, units: 1 }, `leads the cluster; 1 unit; ${api}`],
  ['at the start', { isRegistered: false, units: null }, `not registered; ${api}`],
  [
    'in an outage',
    { store: 'silent', isLeading: true },
    `etcd does not answer, units are left as they are; 12 units; ${api}`,
  ],
  [
    'that never reached etcd in this boot',
    { store: 'silent', isRegistered: false, units: null, unitsWithoutStore: 3 },
    `etcd does not answer, 3 units started as assigned before this boot; ${api}`,
  ],
  [
    'with another store',
    { store: 'untrusted', units: null },
    `the store is not trusted, nothing is touched; ${api}`,
  ],
])('a musterd %s', (_, change, expected) => {
  expect(statusText({ ...facts, ...change })).toBe(`Machine 3d12abcd: ${expected}`);
});

test('it is told when it differs, the latest one, and not too often', async () => {
  const clock = new VirtualClock();
  const told: [at: number, text: string][] = [];
  let units = 1;
  const line = new StatusLine({
    clock,
    facts: () => ({ ...facts, units }),
    notifier: {
      ready: () => Promise.resolve(),
      reloading: () => Promise.resolve(),
      stopping: () => Promise.resolve(),
      close: () => undefined,
      status: async (text) => void told.push([clock.monotonic(), text]),
    },
  });
  const textOf = (count: number): string => statusText({ ...facts, units: count });
  expect(line.text()).toBe(textOf(1));
  line.changed();
  await clock.advance(100);
  expect(told).toEqual([]);
  for (units = 2; units < 10; units += 1) {
    line.changed();
    await clock.advance(100);
  }
  await clock.advance(60_000);
  expect(told).toEqual([
    [100, textOf(2)],
    [5100, textOf(10)],
  ]);
  line.close();
  units = 3;
  line.changed();
  await clock.advance(60_000);
  expect(told).toHaveLength(2);
});
