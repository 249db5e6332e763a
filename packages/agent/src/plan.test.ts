import type { Assignment, LoadedUnit, UnitNote } from '@muster/core';
import fc from 'fast-check';
import { noteBefore, planUnit } from './plan.ts';
import type { MachineFacts, UnitInput } from './plan.ts';

const facts: MachineFacts = {
  bootId: 'b',
  isStopping: false,
  isHeld: true,
  fenced: new Set(),
  isToStayUp: () => false,
};

const assignment = (over: Partial<Assignment> = {}): Assignment => ({
  unit: 'a.service',
  machine: 'm',
  hash: 'h1',
  desiredState: 'launched',
  restarts: 0,
  incarnation: 5,
  role: 'holder',
  reason: 'test',
  modRevision: 10,
  ...over,
});

/** The note of an assignment that was carried out. */
const note = (over: Partial<UnitNote> = {}): UnitNote => ({
  unit: 'a.service',
  bootId: 'b',
  answers: 10,
  incarnation: 5,
  hash: 'h1',
  desiredState: 'launched',
  restarts: 0,
  pending: null,
  wasStarted: true,
  jobResult: 'done',
  ...over,
});

const loaded = (activeState: string, job: string | null = null): LoadedUnit => ({
  name: 'a.service',
  loadState: 'loaded',
  activeState,
  subState: '',
  job,
});

const input = (over: Partial<UnitInput> = {}): UnitInput => ({
  unit: 'a.service',
  assignment: assignment(),
  note: note(),
  fileHash: 'h1',
  loaded: loaded('active'),
  ...over,
});

/** What a task does, in short: `write`, `reload`, a job, `remove`, `note`; null: there is no task. */
function gist(over: Partial<UnitInput>, machine: Partial<MachineFacts> = {}): string | null {
  const task = planUnit(input(over), { ...facts, ...machine });
  if (task === null) return null;
  return [
    task.write !== null ? 'write' : '',
    task.reload ? 'reload' : '',
    task.job ?? '',
    task.remove ? 'remove' : '',
    task.note !== null ? 'note' : '',
  ]
    .filter((word) => word !== '')
    .join(' ');
}

const fresh = { note: null, fileHash: null, loaded: null };

describe('a unit that is assigned here', () => {
  test.each<[string, Partial<UnitInput>, string | null]>([
    ['is written and started', fresh, 'write start note'],
    [
      'is only written when it is to be loaded',
      { ...fresh, assignment: assignment({ desiredState: 'loaded' }) },
      'write note',
    ],
    ['is left alone when everything is as it should be', {}, null],
    ['is left alone after a oneshot has finished', { loaded: null }, null],
    ['is left alone after it failed', { loaded: loaded('failed') }, null],
    [
      'is left alone when only reason or role changed, but the answer is noted',
      { assignment: assignment({ modRevision: 11 }) },
      'note',
    ],
    [
      'is restarted with new content, which systemd must read first',
      { assignment: assignment({ hash: 'h2' }) },
      'write reload restart note',
    ],
    [
      'is restarted with new content also when the file is there already',
      { assignment: assignment({ hash: 'h2' }), fileHash: 'h2' },
      'reload restart note',
    ],
    [
      'is started again when it was being stopped',
      { note: note({ pending: 'stop' }), loaded: loaded('deactivating', 'stop') },
      'start note',
    ],
    [
      'is restarted when systemd was never told to stop it, and it is to be another one',
      { note: note({ pending: 'stop' }), assignment: assignment({ incarnation: 9 }) },
      'restart note',
    ],
    ['is restarted when asked for', { assignment: assignment({ restarts: 1 }) }, 'restart note'],
    [
      'is not restarted when fewer were asked for than it has seen',
      { assignment: assignment({ restarts: 1 }), note: note({ restarts: 3, starts: 1 }) },
      'note',
    ],
    [
      'is restarted once when a restart and a start were asked for',
      { assignment: assignment({ restarts: 1, starts: 1 }), loaded: loaded('failed') },
      'restart note',
    ],
    [
      'is restarted when it was destroyed and submitted again',
      { assignment: assignment({ incarnation: 6 }) },
      'restart note',
    ],
    [
      'is stopped once when it is only to be loaded',
      { assignment: assignment({ desiredState: 'loaded' }) },
      'stop note',
    ],
    [
      'is not stopped when loaded and its timer started it',
      {
        assignment: assignment({ desiredState: 'loaded' }),
        note: note({ desiredState: 'loaded', wasStarted: false }),
      },
      null,
    ],
    [
      'is started when it becomes launched',
      { note: note({ desiredState: 'loaded', wasStarted: false }), loaded: null },
      'start note',
    ],
    ['has a changed file put right without a job', { fileHash: '' }, 'write reload note'],
    ['has a missing file put right without a job', { fileHash: null }, 'write reload note'],
    [
      'keeps running with new content while only loaded',
      {
        assignment: assignment({ desiredState: 'loaded', hash: 'h2' }),
        note: note({ desiredState: 'loaded' }),
      },
      'write reload note',
    ],
  ])('%s', (_name, over, expected) => {
    expect(gist(over)).toBe(expected);
  });

  test('is not started while the machine shuts down', () => {
    expect(gist(fresh, { isStopping: true })).toBeNull();
  });

  test.each<[string, boolean, LoadedUnit | null, string | null]>([
    ['Restart=always and not loaded', true, null, 'start note'],
    ['Restart=always and inactive', true, loaded('inactive'), 'start note'],
    ['Restart=always but failed: systemd gave up', true, loaded('failed'), null],
    ['Restart=always but a job is queued', true, loaded('inactive', 'start'), null],
    ['no Restart=always', false, loaded('inactive'), null],
  ])('that is down: %s', (_name, isToStayUp, state, expected) => {
    expect(gist({ loaded: state }, { isToStayUp: () => isToStayUp })).toBe(expected);
  });
});

describe('a start was asked for', () => {
  const again = {
    assignment: assignment({ starts: 2, modRevision: 11 }),
    note: note({ starts: 1 }),
  };

  test.each<[string, LoadedUnit | null, string]>([
    ['failed: it is started', loaded('failed'), 'start note'],
    ['inactive: it is started', loaded('inactive'), 'start note'],
    ['not loaded any more: it is started', null, 'start note'],
    ['on its way down: it is started after that', loaded('deactivating'), 'start note'],
    ['up: it is left alone', loaded('active'), 'note'],
    ['on its way up: it is left alone', loaded('activating'), 'note'],
  ])('%s', (_name, state, expected) => {
    expect(gist({ ...again, loaded: state })).toBe(expected);
  });

  test('and carried out: it is not started again, whatever becomes of it', () => {
    const done = { ...again, note: note({ starts: 2, answers: 11 }), loaded: loaded('failed') };
    expect(gist(done)).toBeNull();
  });

  test('and musterd died before systemd was asked: it is asked', () => {
    const task = planUnit(input({ ...again, loaded: loaded('failed') }), facts);
    if (task === null) throw new Error('no task was planned');
    const kept = noteBefore(again.note, task);
    expect(kept).toMatchObject({ pending: 'start', starts: 1 });
    expect(gist({ ...again, note: kept, loaded: loaded('failed') })).toBe('start note');
    expect(gist({ ...again, note: kept, loaded: loaded('active') })).toBe('note');
  });
});

describe('musterd died between asking systemd and noting it', () => {
  const begun = (over: Partial<UnitInput>): UnitNote => {
    const before = input({ ...over });
    const task = planUnit(before, facts);
    if (task === null) throw new Error('no task was planned');
    const kept = noteBefore(before.note, task);
    if (kept === null) throw new Error('nothing was noted');
    return kept;
  };

  test('a start that happened is adopted', () => {
    expect(gist({ note: begun(fresh), loaded: loaded('active') })).toBe('reload note');
  });

  test.each<[string, Partial<Assignment>, string]>([
    ['to be restarted', { restarts: 1 }, 'reload restart note'],
    ['to have other content', { hash: 'h2' }, 'write reload restart note'],
    ['destroyed and submitted again', { incarnation: 9 }, 'reload restart note'],
    ['given other words', { reason: 'another', modRevision: 11 }, 'reload note'],
  ])('a start that happened, of a unit that is %s since', (_name, since, expected) => {
    const changed = { note: begun(fresh), assignment: assignment(since) };
    expect(gist({ ...changed, loaded: loaded('active') })).toBe(expected);
  });

  test('a start of an earlier version, which noted less, is adopted', () => {
    const { begins: _, ...earlier } = begun(fresh);
    const changed = { note: earlier, assignment: assignment({ restarts: 1 }) };
    expect(gist({ ...changed, loaded: loaded('active') })).toBe('reload note');
  });

  test('a start that did not happen, or may be of an earlier run, is asked for again', () => {
    expect(gist({ note: begun(fresh), loaded: null })).toBe('start note');
    expect(gist({ note: begun(fresh), loaded: loaded('failed') })).toBe('reload start note');
    expect(gist({ note: begun(fresh), loaded: loaded('deactivating') })).toBe(
      'reload restart note',
    );
  });

  test('a restart is asked for again, with the file read anew', () => {
    const changed = { assignment: assignment({ hash: 'h2' }) };
    expect(gist({ ...changed, note: begun(changed), fileHash: 'h2' })).toBe('reload restart note');
  });

  test('a stop that was overtaken by a launch is undone', () => {
    const stopped = begun({ assignment: assignment({ desiredState: 'loaded' }) });
    expect(gist({ note: stopped })).toBe('start note');
  });
});

describe('a unit that is not assigned here any more', () => {
  test.each<[string, Partial<UnitInput>, string | null]>([
    ['is stopped first', {}, 'stop note'],
    ['is waited for while it stops', { loaded: loaded('deactivating', 'stop') }, null],
    ['is removed once it is down', { loaded: loaded('inactive') }, 'remove'],
    ['is removed when it failed', { loaded: loaded('failed') }, 'remove'],
    ['is removed when systemd has forgotten it', { loaded: null }, 'remove'],
    [
      'is stopped before a queued start of it runs',
      { loaded: loaded('inactive', 'start') },
      'stop note',
    ],
    ['is forgotten when only a note is left', { fileHash: null, loaded: null }, 'remove'],
  ])('%s', (_name, over, expected) => {
    expect(gist({ assignment: null, ...over })).toBe(expected);
  });
});

describe('a unit this machine has been released from', () => {
  const released = { assignment: assignment({ role: 'released', modRevision: 12 }) };
  test('runs on', () => {
    expect(gist(released)).toBe('note');
    expect(gist({ ...released, note: note({ answers: 12 }) })).toBeNull();
  });
  test('is not started, written or put right', () => {
    expect(gist({ ...released, ...fresh })).toBeNull();
    expect(
      gist({ ...released, note: note({ answers: 12 }), loaded: null }, { isToStayUp: () => true }),
    ).toBeNull();
  });
});

const anyInput = fc.record({
  assignment: fc.option(
    fc.record({
      hash: fc.constantFrom('h1', 'h2'),
      desiredState: fc.constantFrom('loaded' as const, 'launched' as const),
      restarts: fc.constantFrom(0, 1),
      starts: fc.constantFrom(0, 1),
      incarnation: fc.constantFrom(5, 6),
      role: fc.constantFrom('holder' as const, 'released' as const),
      modRevision: fc.constantFrom(10, 11),
    }),
  ),
  note: fc.option(
    fc.record({
      hash: fc.constantFrom('h1', 'h2', ''),
      desiredState: fc.constantFrom('loaded' as const, 'launched' as const),
      restarts: fc.constantFrom(0, 1),
      starts: fc.constantFrom(0, 1),
      incarnation: fc.constantFrom(5, 6),
      pending: fc.constantFrom(null, 'start' as const, 'stop' as const, 'restart' as const),
      wasStarted: fc.boolean(),
    }),
  ),
  fileHash: fc.constantFrom(null, '', 'h1', 'h2'),
  active: fc.constantFrom(null, 'active', 'inactive', 'failed', 'activating', 'deactivating'),
});

test('once done, there is nothing more to do: the same input plans no second job', () => {
  fc.assert(
    fc.property(anyInput, (drawn) => {
      const before = input({
        assignment: drawn.assignment === null ? null : assignment(drawn.assignment),
        note: drawn.note === null ? null : note(drawn.note),
        fileHash: drawn.fileHash,
        loaded: drawn.active === null ? null : loaded(drawn.active),
      });
      const task = planUnit(before, facts);
      if (task === null || before.assignment === null) return;
      const wantsUp = task.job === 'start' || task.job === 'restart';
      const after = planUnit(
        {
          ...before,
          note: task.note,
          fileHash: task.write ?? before.fileHash,
          loaded: task.job === null ? before.loaded : loaded(wantsUp ? 'active' : 'inactive'),
        },
        facts,
      );
      expect(after).toBeNull();
    }),
  );
});

test('nothing that runs is ever removed, and nothing released or shutting down is started', () => {
  fc.assert(
    fc.property(anyInput, fc.boolean(), (drawn, isStopping) => {
      const task = planUnit(
        input({
          assignment: drawn.assignment === null ? null : assignment(drawn.assignment),
          note: drawn.note === null ? null : note(drawn.note),
          fileHash: drawn.fileHash,
          loaded: drawn.active === null ? null : loaded(drawn.active),
        }),
        { ...facts, isStopping, isToStayUp: () => true },
      );
      const starts = task?.job === 'start' || task?.job === 'restart';
      const wantsDown = drawn.assignment === null || drawn.assignment.desiredState === 'loaded';
      expect({
        removesRunning:
          task?.remove === true && ![null, 'inactive', 'failed'].includes(drawn.active),
        startsInShutdown: starts && isStopping,
        startsReleased: starts && drawn.assignment?.role === 'released',
        stopsLaunched: task?.job === 'stop' && !wantsDown,
      }).toEqual({
        removesRunning: false,
        startsInShutdown: false,
        startsReleased: false,
        stopsLaunched: false,
      });
    }),
  );
});

describe('a machine that does not know whether its assignments still hold', () => {
  const unheld = { isHeld: false };

  test.each<[string, Partial<UnitInput>]>([
    ['starts nothing', fresh],
    ['stops nothing', { assignment: null }],
    ['restarts nothing', { assignment: assignment({ hash: 'h2', modRevision: 11 }) }],
    ['removes nothing', { assignment: null, loaded: null }],
    ['writes nothing', { fileHash: '' }],
    ['stops nothing that is to leave', { assignment: assignment({ isLeaving: true }) }],
  ])('%s', (_, over) => {
    expect(gist(over)).not.toBeNull();
    expect(gist(over, unheld)).toBeNull();
  });

  test('starts again what has Restart=always and went down', () => {
    expect(gist({ loaded: null }, { ...unheld, isToStayUp: () => true })).toBe('start note');
  });
});

describe('a unit with OnPartition=stop', () => {
  const bound = assignment({ onPartition: 'stop', modRevision: 11 });
  const unheld = { isHeld: false };
  const fenced = { fenced: new Set(['a.service']) };
  const down = { loaded: null };

  test.each<[string, Partial<UnitInput>, Partial<MachineFacts>, string | null]>([
    ['is not started without a lease', { ...fresh, assignment: bound }, unheld, null],
    ['is started with one', { ...fresh, assignment: bound }, {}, 'write start note'],
    ['is not restarted without a lease', { assignment: { ...bound, restarts: 1 } }, unheld, null],
    [
      'is not healed without a lease',
      { assignment: bound, ...down },
      { ...unheld, isToStayUp: () => true },
      null,
    ],
    [
      'is started again when the lease is back, if it was up when it was stopped for want of one',
      { assignment: bound, note: note({ answers: 11 }), ...down },
      fenced,
      'start note',
    ],
    [
      'not while it is still ending',
      { assignment: bound, note: note({ answers: 11 }), loaded: loaded('deactivating', 'stop') },
      fenced,
      null,
    ],
    [
      'not if it was not up then',
      { assignment: bound, note: note({ answers: 11 }), ...down },
      {},
      null,
    ],
    [
      'not if it is only to be loaded',
      {
        assignment: { ...bound, desiredState: 'loaded' },
        note: note({ answers: 11, desiredState: 'loaded' }),
        ...down,
      },
      fenced,
      null,
    ],
  ])('%s', (_, over, machine, expected) => {
    expect(gist(over, machine)).toBe(expected);
  });

  test('its epoch is the revision of its assignment', () => {
    expect(planUnit(input({ ...fresh, assignment: bound }), facts)?.epoch).toBe(11);
    expect(planUnit(input(fresh), facts)?.epoch).toBeNull();
  });
});

describe('a unit that is to leave', () => {
  const leaving = assignment({ isLeaving: true, desiredState: 'loaded', modRevision: 11 });
  const left = note({ desiredState: 'loaded', answers: 11 });

  test.each<[string, Partial<UnitInput>, string | null]>([
    ['is stopped', { assignment: leaving }, 'stop note'],
    ['is stopped again, whoever started it', { assignment: leaving, note: left }, 'stop note'],
    [
      'is stopped before it has been started',
      { assignment: leaving, loaded: loaded('inactive', 'start') },
      'stop note',
    ],
    ['while it ends: nothing', { assignment: leaving, loaded: loaded('deactivating') }, null],
    ['has ended: that is noted, to be told', { assignment: leaving, loaded: null }, 'note'],
    ['was never here: that is noted, too', { ...fresh, assignment: leaving }, 'note'],
    ['and it is all said', { assignment: leaving, note: left, loaded: null }, null],
  ])('%s', (_, over, expected) => {
    expect(gist(over)).toBe(expected);
  });
});
