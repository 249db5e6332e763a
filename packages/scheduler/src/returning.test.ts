import type { Plan } from './plan.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const unit = 'a.service';
const cluster = (fleet = ''): Cluster => {
  const made = new Cluster().machine('m1').machine('m2').machine('m3').unit(unit, fleet);
  made.rest();
  return made;
};
const where = (made: Cluster): string[] | undefined => made.where()[unit];
const reasons = ({ changes }: Plan): string[] =>
  changes.flatMap(({ assign, withdraw }) => [
    ...assign.map(({ machine, role, reason }) => `${machine} ${role}: ${reason}`),
    ...withdraw.map(({ machine, reason }) => `${machine} withdrawn: ${reason}`),
  ]);

describe('what is decided because a machine is absent is written only while it is', () => {
  const absentFor = ({ changes }: Plan) =>
    Object.fromEntries(changes.map((change) => [change.unit, change.whileAbsent ?? []]));

  test('a unit is placed elsewhere', () => {
    expect(absentFor(cluster().lose('m1').settle())).toEqual({ [unit]: ['m1'] });
  });

  test('a forgotten machine loses what it had', () => {
    const made = cluster().unit('all.service', 'Global=true');
    made.rest();
    made.lose('m1').accept('m1', true);
    expect(absentFor(made.settle())).toEqual({ [unit]: ['m1'], 'all.service': ['m1'] });
  });

  test('what is destroyed goes in any case', () => {
    const made = cluster().lose('m1');
    made.units.delete(unit);
    expect(absentFor(made.settle())).toEqual({ [unit]: [] });
  });

  test('nor does anything else depend on it', () => {
    const made = cluster().lose('m1').unit('d.service');
    expect(absentFor(made.settle(false))).toEqual({ 'd.service': [] });
  });
});

describe('a machine that is back', () => {
  test('before its units were moved has them still', () => {
    const made = cluster().lose('m1');
    expect(made.settle(false).changes).toEqual([]);
    made.machine('m1').state(unit, 'm1', 'active');
    expect(made.settle().changes).toEqual([]);
  });

  test('runs its copy until the replacement is ready, then exactly one is left', () => {
    const made = cluster().lose('m1');
    made.settle();
    made.machine('m1').state(unit, 'm1', 'active').state(unit, 'm2', 'activating');
    expect(made.settle().changes).toEqual([]);
    expect(where(made)).toEqual(['m1:released', 'm2']);
    expect(reasons(made.state(unit, 'm2', 'active').settle())).toEqual([
      'm1 withdrawn: it is up on m2',
    ]);
    expect(where(made)).toEqual(['m2']);
  });

  test.each(['active', 'failed'])(
    'runs its copy while musterd is stopped where the replacement was %s',
    (state) => {
      const made = cluster().lose('m1');
      made.settle();
      made.machine('m1').state(unit, 'm1', 'active').state(unit, 'm2', state);
      expect(made.machine('m2', {}, 1).settle().changes).toEqual([]);
      expect(where(made)).toEqual(['m1:released', 'm2']);
      made.machine('m2').settle();
      expect(where(made)).toEqual([state === 'active' ? 'm2' : 'm1']);
    },
  );

  test('has its unit again when the replacement fails', () => {
    const made = cluster().lose('m1');
    made.settle();
    made.machine('m1').state(unit, 'm1', 'active').state(unit, 'm2', 'failed');
    expect(reasons(made.settle())).toEqual([
      'm1 holder: it runs there and failed on m2',
      'm2 withdrawn: it failed there and runs on m1',
    ]);
    expect(where(made)).toEqual(['m1']);
    expect(made.rest()).toEqual([]);
  });

  test('does not get it back before it runs there', () => {
    const made = cluster().lose('m1');
    made.settle();
    made.machine('m1').state(unit, 'm2', 'failed');
    expect(made.settle().changes).toEqual([]);
    made.state(unit, 'm1', 'activating');
    expect(made.settle().changes).toEqual([]);
    made.state(unit, 'm1', 'active').settle();
    expect(where(made)).toEqual(['m1']);
  });

  test('does not get it back when it may no longer run there', () => {
    const made = new Cluster().machine('m1', { disk: 'ssd' }).machine('m2', { disk: 'ssd' });
    made.unit(unit, 'MachineMetadata=disk=ssd').rest();
    made.lose('m1').settle();
    made.machine('m1').state(unit, 'm1', 'active').state(unit, 'm2', 'failed').settle();
    expect(where(made)).toEqual(['m1:released', 'm2']);
  });

  test('loses a copy that does not run there any more, whatever became of the replacement', () => {
    for (const down of ['inactive', 'failed']) {
      const made = cluster().lose('m1');
      made.settle();
      made.machine('m1').state(unit, 'm1', down);
      expect(reasons(made.settle())).toEqual(['m1 withdrawn: it does not run there any more']);
      expect(where(made)).toEqual(['m2']);
    }
  });

  test('has its unit again when the machine of the replacement dies before that is ready', () => {
    const made = cluster().lose('m1');
    made.settle();
    made.machine('m1').state(unit, 'm1', 'active').lose('m2').settle();
    expect(where(made)).toEqual(['m1', 'm2:released']);
    made.report().settle();
    expect(where(made)).toEqual(['m1']);
  });

  test('gets the unit of one that died when nobody else can take it', () => {
    const made = new Cluster().machine('m1', { disk: 'ssd' }).machine('m2');
    made.unit(unit, 'MachineMetadata=disk=ssd').rest();
    made.lose('m1').settle();
    expect(where(made)).toEqual(['m1']);
    made.machine('m1', { disk: 'ssd' }).state(unit, 'm1', 'active');
    expect(made.settle().changes).toEqual([]);
  });

  test('a state of the boot before says nothing', () => {
    const made = cluster().lose('m1');
    made.settle();
    made.machine('m1').state(unit, 'm1', 'active').state(unit, 'm2', 'active');
    const state = made.states.get(unit)?.get('m2');
    if (state === undefined) throw new Error('m2 reports nothing');
    made.states.get(unit)?.set('m2', { ...state, bootId: 'the one before' });
    expect(made.settle().changes).toEqual([]);
  });
});

test('machines die one after the other and are back in any order: exactly one copy is left', () => {
  const made = cluster().lose('m1');
  made.settle();
  made.lose('m2').settle();
  expect(where(made)).toEqual(['m1:released', 'm2:released', 'm3']);
  made.machine('m2').state(unit, 'm2', 'active').machine('m1').state(unit, 'm1', 'active');
  made.lose('m3').settle();
  expect(where(made)).toEqual(['m1', 'm2:released', 'm3:released']);
  made.machine('m3').report().rest();
  expect(where(made)).toEqual(['m1']);
});

test('units that follow each other move together from a machine that is gone', () => {
  const made = new Cluster().machine('m1').machine('m2');
  made.unit('x.service', 'MachineOf=y.service').unit('y.service', 'MachineOf=x.service').rest();
  expect(made.where()).toEqual({ 'x.service': ['m1'], 'y.service': ['m1'] });
  made.lose('m1').rest();
  expect(made.where()).toEqual({ 'x.service': ['m2'], 'y.service': ['m2'] });
});

describe('a machine that is forgotten', () => {
  test('loses all its records; its units are placed elsewhere', () => {
    const made = cluster();
    made.unit('all.service', 'Global=true').rest();
    made.lose('m1').accept('m1', true);
    expect(reasons(made.settle()).sort()).toEqual([
      'm1 withdrawn: its machine was forgotten',
      'm1 withdrawn: its machine was forgotten',
      'm2 holder: machine m1 was forgotten',
    ]);
    expect(made.where()).toEqual({ 'a.service': ['m2'], 'all.service': ['m2', 'm3'] });
    expect(made.report().rest()).toEqual([]);
  });

  test('leaves pinned units without a place, which say why', () => {
    const made = cluster('MachineID=m1').lose('m1');
    expect(made.settle().changes).toEqual([]);
    made.accept('m1', true);
    const { unplaced } = made.settle();
    expect(made.where()).toEqual({});
    const reason = 'MachineID=m1 is another machine';
    expect(unplaced).toEqual([
      {
        unit,
        reason: 'no machine can take it',
        machines: ['m2', 'm3'].map((machine) => ({ machine, reason })),
      },
    ]);
    made.losses.clear();
    made.machine('m1').rest();
    expect(where(made)).toEqual(['m1']);
  });

  test('loses what was released, and what nobody else can take', () => {
    const made = new Cluster().machine('m1', { disk: 'ssd' }).machine('m2');
    made.unit(unit, 'MachineMetadata=disk=ssd').unit('b.service').rest();
    made.lose('m1').lose('m2').accept('m1', true).accept('m2', true);
    made.machine('m3').settle();
    expect(made.where()).toEqual({ 'b.service': ['m3'] });
  });

  test('is not touched when it is there, or while it is not known to be gone', () => {
    const made = cluster().accept('m1', true);
    expect(made.settle().changes).toEqual([]);
    made.lose('m1');
    expect(made.settle(false).changes).toEqual([]);
  });
});
