import type { Brake, Loss, RecordChange } from '@muster/core';
import { eventsOf } from './derive-events.ts';
import type { EventBody } from './event.ts';

const m1 = `1234abcd${'1'.repeat(24)}`;
const m2 = `5678abcd${'2'.repeat(24)}`;

const brake = (change: Partial<Brake> = {}): Brake => {
  return { isOn: true, machines: [m1], reason: 'so', at: 5, modRevision: 9, ...change };
};
const loss = (change: Partial<Loss> = {}): Loss => {
  const origin = { by: 'kim@box', at: 6 };
  return { machine: m1, isForgotten: false, origin, modRevision: 9, ...change };
};
const ofBrake = (before: Brake | null, after: Brake | null): RecordChange => {
  return { index: 0, type: 'brake', before, after };
};
const ofLoss = (before: Loss | null, after: Loss | null): RecordChange => {
  return { index: 0, type: 'loss', machine: m1, before, after };
};

function eventOf(change: RecordChange): EventBody | null {
  return eventsOf({ revision: 9, changes: [change] })[0] ?? null;
}

function gist(change: RecordChange): string | null {
  const event = eventOf(change);
  return event && `${event.type} at ${event.time} by ${event.by}: ${event.text}`;
}

const off = { isOn: false, reason: '3 of them are back' };

test.each([
  [
    'goes on',
    ofBrake(null, brake({ machines: [m1, m2], reason: '3 of 5 machines are absent' })),
    'brake-on at 5 by null: the brake is on, 3 of 5 machines are absent: units of 1234abcd, 5678abcd stay where they are',
  ],
  [
    'holds back more',
    ofBrake(brake(), brake({ machines: [m1, m2], at: 8 })),
    'brake-on at 8 by null: the brake is on, so: units of 1234abcd, 5678abcd stay where they are',
  ],
  [
    'goes off',
    ofBrake(brake(), brake(off)),
    'brake-off at 5 by null: the brake is off, 3 of them are back: units of absent machines are placed elsewhere',
  ],
  ['is off and stays so', ofBrake(brake(off), brake(off)), null],
  ['was never on', ofBrake(null, brake(off)), null],
  ['has its record removed by hand', ofBrake(brake(), null), null],
])('the brake %s', (_, change, expected) => {
  expect(gist(change)).toBe(expected);
});

test('what changed of the brake is said as data', () => {
  expect(eventOf(ofBrake(brake(), brake(off)))).toMatchObject({
    reason: '3 of them are back',
    details: {
      changed: ['isOn'],
      from: { isOn: true, machines: [m1] },
      to: { isOn: false, machines: [m1] },
    },
  });
});

test.each([
  [
    'is accepted',
    ofLoss(null, loss()),
    'loss-accepted at 6 by kim@box: machine 1234abcd is accepted as lost, by kim@box: its units are placed elsewhere',
  ],
  [
    'is to be forgotten',
    ofLoss(loss(), loss({ isForgotten: true })),
    'machine-forgotten at 6 by kim@box: machine 1234abcd is forgotten, by kim@box: its units are placed elsewhere',
  ],
  ['is accepted once more', ofLoss(loss(), loss({ modRevision: 12 })), null],
  ['is over', ofLoss(loss(), null), null],
])('a loss %s', (_, change, expected) => {
  expect(gist(change)).toBe(expected);
});
