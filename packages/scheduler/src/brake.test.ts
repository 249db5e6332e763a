import type { Loss } from '@muster/core';
import {
  brakeRecord,
  decideBrake,
  easeOff,
  endedLosses,
  isOverdue,
  mustAsk,
  seeLosses,
} from './brake.ts';
import type { BrakeSight } from './brake.ts';
import { buildModel } from './model-keeper.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const names = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, i) => `m${from + i}`);
const sight = (lost: number, present: number, accepted: readonly string[] = []): BrakeSight => ({
  lost: new Set(names(lost)),
  accepted: new Set(accepted),
  present,
  others: names(present, lost + 1),
});
const none = new Set<string>();

test.each([
  ['nobody is absent', 0, 5, 'off'],
  ['one of two', 1, 1, 'off'],
  ['two of two are fewer than three', 2, 0, 'off'],
  ['three of five', 3, 2, 'on'],
  ['three of six are half, not more', 3, 3, 'off'],
  ['four of seven', 4, 3, 'on'],
  ['forty of a hundred', 40, 60, 'off'],
  ['all', 5, 0, 'on'],
] as const)('%s: %i lost, %i present: %s', (_, lost, present, expected) => {
  expect(decideBrake(sight(lost, present), none)).toBe(expected);
});

test.each([
  ['two that are overdue would be too many', 1, 4, ['m2', 'm3'], 'waits'],
  ['one would not', 1, 4, ['m2'], 'off'],
  ['one that is absent by now counts once', 2, 3, ['m2', 'm3'], 'waits'],
  ['nobody is lost: nothing is to be moved', 0, 5, [], 'off'],
] as const)('%s', (_, lost, present, suspects, expected) => {
  expect(decideBrake(sight(lost, present), new Set(suspects))).toBe(expected);
});

test.each([
  ['two are held back as before', 2, 2, ['m8'], 'on'],
  ['one as well', 1, 2, ['m8', 'm9'], 'on'],
  ['none is left to be held back', 0, 2, ['m7', 'm8', 'm9'], 'off'],
  ['enough are back', 1, 3, ['m8'], 'off'],
] as const)(
  'of those it went on for some are accepted as lost: %s',
  (_, lost, present, accepted, expected) => {
    const seen = sight(lost, present, accepted);
    expect(decideBrake(seen, none)).toBe(expected);
    expect(mustAsk(sight(lost, present, accepted), none)).toBe(lost === 1 && present === 3);
  },
);

test('without an answer nothing is moved, whoever may be about to vanish', () => {
  expect(decideBrake(sight(1, 4), null)).toBe('waits');
  expect(decideBrake(sight(3, 2), null)).toBe('on');
});

test.each([
  ['nobody is lost', sight(0, 5), [], false],
  ['one of five', sight(1, 4), [], true],
  ['it was asked before', sight(1, 4), ['m1'], false],
  ['another vanished since', sight(2, 3), ['m1'], true],
  ['too many are absent anyway', sight(3, 2), [], false],
  ['one of two: there cannot be too many', sight(1, 1), [], false],
] as const)('whether others are asked after: %s', (_, seen, cleared, expected) => {
  expect(mustAsk(seen, new Set(cleared))).toBe(expected);
});

test.each([
  [8, 7, false],
  [8, 5, false],
  [8, 4, false],
  [8, 3, true],
  [8, 1, true],
  // The shortest ttl: a renewal is due after 1.3 s, what is cut off has used up 2.7 s.
  [4, 2, false],
  [4, 1, true],
  [600, 597, false],
  [600, 2, true],
])('of a lease of %i s %i are left: overdue %s', (grantedSeconds, leftSeconds, expected) => {
  expect(isOverdue({ grantedSeconds, leftSeconds })).toBe(expected);
});

test('from one machine that is back to the next, the others are waited for', () => {
  const at = (now: number, before: Parameters<typeof easeOff>[0], ...lost: string[]) =>
    easeOff(before, { lost: new Set(lost), now, graceMs: 10 });
  const first = at(5, null, 'm1', 'm2');
  expect(first.isOver).toBe(false);
  expect(at(14, first, 'm1', 'm2').isOver).toBe(false);
  expect(at(15, first, 'm1', 'm2').isOver).toBe(true);
  const second = at(14, first, 'm1');
  expect(at(23, second, 'm1').isOver).toBe(false);
  expect(at(24, second, 'm1').isOver).toBe(true);
  expect(at(15, second).isOver).toBe(true);
});

function seen(cluster: Cluster, absent: readonly string[]): BrakeSight {
  const model = buildModel(cluster.snapshot(), new Map());
  return seeLosses(model, new Map(absent.map((machine) => [machine, 0])));
}

describe('who counts', () => {
  const five = (): Cluster => {
    const cluster = new Cluster();
    for (const id of names(5)) cluster.machine(id);
    for (const id of names(5)) cluster.unit(`${id}.service`);
    cluster.unit('all.service', 'Global=true').rest();
    return cluster;
  };

  test('absent machines with units that would be moved, and the others that may follow', () => {
    const cluster = five().machine('m3', {}, 1).lose('m1').lose('m2');
    expect(seen(cluster, ['m1', 'm2'])).toEqual({
      lost: new Set(['m1', 'm2']),
      accepted: none,
      present: 3,
      others: ['m4', 'm5'],
    });
  });

  test('what the brake went on for and an operator gives up counts until it is back', () => {
    const cluster = five().lose('m1').lose('m2').lose('m3');
    cluster.brake = { isOn: true, machines: ['m1', 'm2', 'm3'], reason: '', at: 0, modRevision: 1 };
    const count = () => {
      const { lost, accepted } = seen(cluster, ['m1', 'm2', 'm3']);
      return [[...lost], [...accepted]];
    };
    expect(count()).toEqual([['m1', 'm2', 'm3'], []]);
    cluster.accept('m1');
    expect(count()).toEqual([['m2', 'm3'], ['m1']]);
    // The leader has moved its units, and nothing more is stored of it.
    cluster.losses.clear();
    cluster.assignments.get('m1.service')?.clear();
    expect(count()).toEqual([['m2', 'm3'], ['m1']]);
    cluster.machine('m1');
    expect(count()).toEqual([['m2', 'm3'], []]);
    cluster.lose('m1').brake = { ...cluster.brake, isOn: false };
    expect(count()).toEqual([['m2', 'm3'], []]);
  });

  test('not those that hold what stays where it is anyway', () => {
    const cluster = five();
    cluster.unit('m1.service', '', 'inactive').unit('m2.service', 'MachineID=m2').rest();
    cluster.lose('m1').lose('m2').lose('m3');
    expect(seen(cluster, ['m1', 'm2', 'm3']).lost).toEqual(new Set(['m3']));
  });

  test('not those whose loss was accepted, nor those whose units have found another place', () => {
    const cluster = five().lose('m1').lose('m2');
    cluster.accept('m1');
    expect(seen(cluster, ['m1', 'm2']).lost).toEqual(new Set(['m2']));
    cluster.rest();
    expect(seen(cluster, ['m1', 'm2']).lost).toEqual(new Set());
  });

  test('a machine whose presence does not parse is there', () => {
    const cluster = five().lose('m1').lose('m2');
    cluster.corrupt.push({ key: '/muster/machine/m2', problem: 'bootId is not a string' });
    expect(seen(cluster, ['m1'])).toMatchObject({ lost: new Set(['m1']), present: 4 });
  });
});

describe('what the record says', () => {
  const snapshot = (
    brake: { isOn: boolean; machines: string[] } | null,
    more: { present?: string[]; accepted?: string[] } = {},
  ) => ({
    brake: brake === null ? null : { ...brake, reason: 'so', at: 1, modRevision: 7 },
    machines: new Map((more.present ?? []).map((id) => [id, machineOf(id)] as const)),
    policy: null,
    losses: new Map((more.accepted ?? []).map((id) => [id, lossOf(id)] as const)),
  });
  const machineOf = (id: string) => {
    const found = new Cluster().machine(id).machines.get(id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  };
  const lossOf = (machine: string): Loss => {
    return { machine, isForgotten: false, origin: { by: 'root@x' }, modRevision: 3 };
  };
  const held = { isOn: true, machines: ['m1', 'm2', 'm3'] };

  test('when it goes on, who is absent; again when that changes; else nothing', () => {
    const expected = { ...held, reason: '3 of 5 machines are absent' };
    expect(brakeRecord(snapshot(null), 'on', sight(3, 2))).toEqual(expected);
    expect(brakeRecord(snapshot(held), 'on', sight(3, 2))).toBeNull();
    expect(brakeRecord(snapshot(held), 'on', sight(4, 1))).toEqual({
      isOn: true,
      machines: ['m1', 'm2', 'm3', 'm4'],
      reason: '4 of 5 machines are absent',
    });
    expect(brakeRecord(snapshot(held), 'on', sight(2, 2, ['m3']))).toBeNull();
    expect(brakeRecord(snapshot(null), 'off', sight(1, 4))).toBeNull();
    expect(brakeRecord(snapshot(null), 'waits', sight(1, 4))).toBeNull();
    expect(brakeRecord(snapshot(held), 'waits', sight(2, 3))).toBeNull();
  });

  test.each([
    ['two are back', { present: ['m1', 'm2'] }, '2 of them are back'],
    ['one is back', { present: ['m3', 'm9'] }, '1 of them is back'],
    ['an operator', { accepted: ['m1', 'm2', 'm3'] }, 'root@x accepts the loss of 3'],
    [
      'both',
      { present: ['m1'], accepted: ['m2'] },
      '1 of them is back, root@x accepts the loss of 1',
    ],
    ['their units were destroyed', {}, 'nothing is to be held back'],
  ])('when it goes off, why: %s', (_, more, reason) => {
    expect(brakeRecord(snapshot(held, more), 'off', sight(0, 5))).toEqual({
      isOn: false,
      machines: ['m1', 'm2', 'm3'],
      reason,
    });
  });
});

test('a loss is over when the machine is back, or nothing is assigned to it any more', () => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('a.service').unit('b.service');
  cluster.rest();
  const over = (): string[] =>
    endedLosses(buildModel(cluster.snapshot(), new Map())).map(({ machine }) => machine);
  cluster.lose('m1').accept('m1').accept('m9');
  expect(over()).toEqual(['m9']);
  cluster.settle();
  expect(over()).toEqual(['m9']);
  cluster.report().settle();
  expect(over()).toEqual(['m1', 'm9']);
  cluster.lose('m2').accept('m2').machine('m2');
  expect(over()).toContain('m2');
});
