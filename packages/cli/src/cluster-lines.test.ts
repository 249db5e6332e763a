import type { ClusterBody } from '@muster/api/client';
import { clusterLines } from './cluster-lines.ts';

const quiet: ClusterBody = {
  id: '47ab0ae2',
  revision: 169,
  leader: { machine: '6110674e197d8c96053709198a0ba0b4', apiUrl: null },
  counts: {
    machines: 3,
    away: 0,
    units: { launched: 10, loaded: 2, inactive: 1 },
    assignments: 12,
    states: 12,
    failed: 0,
    flapping: 0,
  },
  policy: { placement: 'spread', rebalance: 'manual', origin: null },
  rebalance: null,
  brake: { isOn: false, reason: null, since: null },
  absent: [],
  corrupt: [],
  problems: [],
};

test('a policy that is not the usual one is said', () => {
  const origin = { by: 'kim@box' };
  const policy = { placement: 'pack', rebalance: 'auto', origin } as const;
  expect(clusterLines({ ...quiet, policy }).slice(4)).toEqual([
    '  Placement: pack, set by kim@box',
    '  Rebalancing: by itself, set by kim@box',
  ]);
});

test('a rebalance is said, while it goes on and when it has failed', () => {
  const move = {
    units: ['a.service', 'b.service'],
    from: '6110674e197d8c96053709198a0ba0b4',
    to: '7110674e197d8c96053709198a0ba0b4',
    order: 'successor-first',
    reason: '',
  } as const;
  const rebalance = {
    origin: { by: 'kim@box' },
    limit: 5,
    atOnce: 1,
    moved: 2,
    moves: [move],
    end: null,
  };
  expect(clusterLines({ ...quiet, rebalance }).slice(4)).toEqual([
    '  Rebalance: 2 of at most 5 moves made, 1 under way; asked for by kim@box',
    '    Moving a.service and 1 with it from 6110674e... to 7110674e...',
  ]);
  const end = { type: 'failed', reason: 'a.service failed on 7110674e' } as const;
  expect(clusterLines({ ...quiet, rebalance: { ...rebalance, moves: [], end } }).slice(4)).toEqual([
    '  Rebalance: failed: a.service failed on 7110674e, after 2 moves; asked for by kim@box',
  ]);
});

test('a cluster in which all is well', () => {
  expect(clusterLines(quiet)).toEqual([
    'Cluster 47ab0ae2 at revision 169',
    '  Leader: 6110674e197d8c96053709198a0ba0b4',
    '  Machines: 3',
    '  Units: 10 launched, 2 loaded, 1 inactive',
  ]);
});

test('everything that needs somebody’s attention is named', () => {
  const troubled: ClusterBody = {
    ...quiet,
    leader: null,
    counts: { ...quiet.counts, away: 1, failed: 3, flapping: 1 },
    problems: [{ unit: 'ssh.service', machine: '6110674e197d', problem: 'the host has it' }],
    corrupt: [{ key: '/muster/unit/a.service', problem: 'is not JSON' }],
  };
  expect(clusterLines(troubled).slice(1)).toEqual([
    '  Leader: none: nothing is placed now',
    '  Machines: 3, 1 of them away',
    '  Units: 10 launched, 2 loaded, 1 inactive',
    '  Failing: 3 failed, 1 restarted again and again',
    '  Units that could not be dealt with:',
    '    ssh.service on 6110674e...: the host has it',
    '  Records in etcd that do not parse, and are left alone:',
    '    /muster/unit/a.service: is not JSON',
  ]);
});

const absent = {
  id: '6110674e197d8c96053709198a0ba0b4',
  units: 2,
  isHeldBack: false,
  loss: null,
} as const;

test('machines that are absent are named, with what an operator said of them', () => {
  const loss = { isForgotten: false, origin: { by: 'kim@box' } };
  const cluster = { ...quiet, absent: [absent, { ...absent, id: '7', units: 1, loss }] };
  expect(clusterLines(cluster).slice(4)).toEqual([
    '  Machines that are absent:',
    '    6110674e197d8c96053709198a0ba0b4: 2 units',
    '    7: 1 unit, accepted as lost by kim@box',
  ]);
});

test('a brake that is on says what it holds back, and the way out', () => {
  const brake = { isOn: true, reason: '3 of 5 machines are absent', since: 1_700_000_000_000 };
  const cluster = { ...quiet, brake, absent: [{ ...absent, isHeldBack: true }] };
  expect(clusterLines(cluster).slice(4)).toEqual([
    '  The brake is on since 2023-11-14T22:13:20.000Z, 3 of 5 machines are absent: units of absent machines stay where they are.',
    '    6110674e197d8c96053709198a0ba0b4: 2 units, held back',
    '    It goes off when enough of them are back. If they are lost, "musterctl brake release" places their units elsewhere.',
  ]);
});
