import { checkAnswers, checkConstraints, checkFence } from './check-store.ts';
import type { StoreChange } from './evidence.ts';
import { history, unit, wrote } from './testing/history.ts';
import type { CastUnit } from './units.ts';

const holder = { role: 'holder', nonce: '2.x' };

describe('I4: constraints at every revision', () => {
  const a = unit({ apart: 'apart' });
  const b = unit({ name: 'b.service', apart: 'apart' });
  const follower = unit({ name: 'b.service', follows: 'a.service' });
  const pinned = unit({ only: { type: 'machine', machine: 1 } });
  const blue = unit({ only: { type: 'metadata', key: 'colour', value: 'blue' } });
  const paint = (revision: number, value: string): StoreChange =>
    wrote(revision, 'machine-settings/id1', { metadata: { colour: value } });

  test.each<[string, CastUnit[], StoreChange[]]>([
    [
      'apart on two machines',
      [a, b],
      [wrote(3, 'assignment/id1/a.service', holder), wrote(4, 'assignment/id2/b.service', holder)],
    ],
    [
      'where the other one has left in the same transaction',
      [a, b],
      [
        wrote(3, 'assignment/id1/a.service', holder),
        wrote(4, 'assignment/id1/a.service', null),
        wrote(4, 'assignment/id1/b.service', holder),
      ],
    ],
    [
      'beside a copy that is only left to run',
      [a, b],
      [
        wrote(3, 'assignment/id1/a.service', { ...holder, role: 'released' }),
        wrote(4, 'assignment/id1/b.service', holder),
      ],
    ],
    [
      'a follower in one transaction with what it follows',
      [a, follower],
      [wrote(3, 'assignment/id1/b.service', holder), wrote(3, 'assignment/id1/a.service', holder)],
    ],
    ['pinned where it belongs', [pinned], [wrote(3, 'assignment/id1/a.service', holder)]],
    [
      'metadata that was there when it was decided',
      [blue],
      [paint(2, 'blue'), paint(3, 'red'), wrote(4, 'assignment/id1/a.service', holder)],
    ],
  ])('%s: good', (_, cast, changes) => {
    expect(checkConstraints(history({ cast, changes }))).toEqual([]);
  });

  test.each<[string, CastUnit[], StoreChange[], string]>([
    [
      'two on one machine that do not go together',
      [a, b],
      [wrote(3, 'assignment/id1/a.service', holder), wrote(4, 'assignment/id1/b.service', holder)],
      'at revision 4 b.service was put on machine 1, which has a.service',
    ],
    [
      'a follower alone',
      [a, follower],
      [wrote(3, 'assignment/id2/a.service', holder), wrote(4, 'assignment/id1/b.service', holder)],
      'at revision 4 b.service was put on machine 1, which does not have a.service',
    ],
    [
      'pinned elsewhere',
      [pinned],
      [wrote(3, 'assignment/id2/a.service', holder)],
      'at revision 3 a.service was put on machine 2, not 1',
    ],
    [
      'metadata that is long gone',
      [blue],
      [paint(2, 'blue'), paint(3, 'red'), wrote(20, 'assignment/id1/a.service', holder)],
      'at revision 20 a.service was put on machine 1, which had no colour=blue',
    ],
  ])('%s: a violation', (_, cast, changes, text) => {
    expect(checkConstraints(history({ cast, changes }))).toEqual([{ invariant: 'I4', text }]);
  });
});

describe('I5: the fence', () => {
  const leader = wrote(2, 'leader', { machine: 'id1' });
  const byFirst = { role: 'holder', nonce: '2.x' };

  test('the leader writes: good', () => {
    const changes = [leader, wrote(3, 'assignment/id1/a.service', byFirst)];
    expect(checkFence(history({ changes }))).toEqual([]);
  });

  const removing = (fence: number): StoreChange[] => [
    wrote(5, 'assignment/id1/a.service', null),
    wrote(5, 'audit', { withdrawn: [{ unit: 'a.service', machine: 'id1', fence }] }),
  ];

  test('the leader removes: good', () => {
    expect(checkFence(history({ changes: [leader, ...removing(2)] }))).toEqual([]);
  });

  test('somebody else removes: a violation', () => {
    expect(checkFence(history({ changes: [leader, ...removing(1)] }))).toEqual([
      {
        invariant: 'I5',
        text: 'at revision 5 assignment/id1/a.service was removed by the leader since revision 1, while the leader since revision 2 led',
      },
    ]);
  });

  test.each<[string, StoreChange[]]>([
    ['another leads by now', [wrote(3, 'leader', null), wrote(4, 'leader', { machine: 'id2' })]],
    ['nobody leads any more', [wrote(3, 'leader', null)]],
  ])('%s: a violation', (_, changes) => {
    const late = wrote(5, 'placement/a.service', byFirst);
    expect(checkFence(history({ changes: [leader, ...changes, late] }))).toEqual([
      {
        invariant: 'I5',
        text: expect.stringMatching(
          /^at revision 5 placement.* by the leader since revision 2, while/,
        ),
      },
    ]);
  });
});

describe('I9: what was carried out', () => {
  test('goes on, also after the record was gone: good', () => {
    const changes = [
      wrote(3, 'state/id1/a.service', { answers: 2 }),
      wrote(4, 'state/id1/a.service', null),
      wrote(6, 'state/id1/a.service', { answers: 5 }),
      wrote(7, 'state/id2/a.service', { answers: 3 }),
      // Since it booted it has carried out nothing.
      wrote(8, 'state/id1/a.service', { answers: 0, bootId: 'another' }),
    ];
    expect(checkAnswers(history({ changes }))).toEqual([]);
  });

  test('goes back: a violation', () => {
    const changes = [
      wrote(6, 'state/id1/a.service', { answers: 5 }),
      wrote(7, 'state/id1/a.service', { answers: 3 }),
    ];
    const text = 'at revision 7 machine 1 said of a.service that it has carried out 3, after 5';
    expect(checkAnswers(history({ changes }))).toEqual([{ invariant: 'I9', text }]);
  });
});
