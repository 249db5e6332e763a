import type { UnitNote } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { FakeSystemd, MemoryNoteStore } from '@muster/systemd';
import { Applier } from './applier.ts';
import type { UnitTask } from './plan.ts';

const note: UnitNote = {
  unit: 'a.service',
  bootId: 'b',
  answers: 10,
  incarnation: 5,
  hash: 'h',
  desiredState: 'launched',
  restarts: 0,
  pending: null,
  wasStarted: true,
  jobResult: null,
};
const start: UnitTask = {
  unit: 'a.service',
  reason: 'launched here',
  write: 'h',
  reload: false,
  job: 'start',
  epoch: null,
  remove: false,
  note,
  isHealing: false,
  revision: 10,
};

type Step = 'begin' | 'text' | 'write' | 'note' | 'end';

/** What is asked of systemd when the lease is lost with this step. */
async function apply(task: UnitTask, lostWith: Step): Promise<string[]> {
  const clock = new VirtualClock();
  const systemd = new FakeSystemd(clock);
  const notes = new MemoryNoteStore('b');
  let isHeld = true;
  const take = (step: Step): void => {
    if (step === lostWith) isHeld = false;
  };
  const written = systemd.writeFile.bind(systemd);
  systemd.writeFile = (...args) => {
    take('write');
    return written(...args);
  };
  const saved = notes.save.bind(notes);
  notes.save = (...args) => {
    take('note');
    return saved(...args);
  };
  const say = (): void => undefined;
  const log = { debug: say, info: say, warn: say, error: say };
  const applier = new Applier({ systemd, notes, clock, log });
  take('begin');
  await applier.apply([task], {
    notes: new Map(),
    files: new Map(),
    awaited: new Map(),
    texts: {
      unitFiles: () => {
        take('text');
        return Promise.resolve(new Map([['h', '[Service]\nExecStart=/bin/true\n']]));
      },
    },
    isHeld: () => isHeld,
  });
  expect(applier.problems).toEqual(new Map());
  return systemd.asked.map(({ type }) => type);
}

test.each<[Step, string[]]>([
  ['begin', []],
  ['text', []],
  ['write', []],
  ['note', []],
  ['end', ['start']],
])('a lease that is lost with the step "%s": %j', async (step, expected) => {
  expect(await apply(start, step)).toEqual(expected);
});

test('what went down by itself is started without a lease', async () => {
  expect(await apply({ ...start, isHealing: true }, 'begin')).toEqual(['start']);
});
