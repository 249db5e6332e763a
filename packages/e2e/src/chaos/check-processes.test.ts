import { checkCopies, checkEnds, checkOnce } from './check-processes.ts';
import type { Evidence } from './evidence.ts';
import type { Fault, Inflicted } from './fault.ts';
import { asked, history, ran, unit, wrote } from './testing/history.ts';

/** A fault between two times, in seconds. */
function during(from: number, until: number, fault: Fault): Inflicted {
  return { fault, from: from * 1000, until: until * 1000 };
}

const cut = during(10, 30, { kind: 'cut', machine: 1, forMs: 20_000 });
const exclusive = [unit({ kind: 'exclusive' })];

describe('I1: copies', () => {
  test.each<[string, Partial<Evidence>]>([
    ['one after the other', { processes: [ran(1, [0, 20]), ran(2, [20, null])] }],
    ['two on one machine, as a restart has', { processes: [ran(1, [0, 20]), ran(1, [19, null])] }],
    [
      'a second one for a machine that nobody can hear',
      { faults: [cut], processes: [ran(1, [0, 35]), ran(2, [20, null])] },
    ],
    [
      'a second one after the lease of the first one ended early',
      {
        faults: [during(19, 19.1, { kind: 'lease-lost', machine: 1 })],
        processes: [ran(1, [0, 35]), ran(2, [20, null])],
      },
    ],
    [
      'a global unit is everywhere',
      { cast: [unit({ kind: 'everywhere' })], processes: [ran(1, [0, null]), ran(2, [0, null])] },
    ],
    [
      'an exclusive one elsewhere after it was last seen',
      { cast: exclusive, faults: [cut], processes: [ran(1, [0, 15]), ran(2, [15, null])] },
    ],
  ])('%s: good', (_, parts) => {
    expect(checkCopies(history(parts))).toEqual([]);
  });

  const twice = [ran(1, [0, 35]), ran(2, [20, null])];
  test.each<[string, Partial<Evidence>]>([
    ['nothing went wrong', { processes: twice }],
    ['an exclusive one, whatever went wrong', { cast: exclusive, faults: [cut], processes: twice }],
    [
      'an exclusive one whose lease ended early',
      {
        cast: exclusive,
        faults: [during(19, 19.1, { kind: 'lease-lost', machine: 1 })],
        processes: twice,
      },
    ],
    [
      'the fault was about another machine',
      { faults: [during(10, 30, { kind: 'cut', machine: 3, forMs: 20_000 })], processes: twice },
    ],
    [
      'the fault came later',
      { faults: [during(25, 30, { kind: 'cut', machine: 1, forMs: 20_000 })], processes: twice },
    ],
    [
      'the fault was shorter than a lease',
      { faults: [during(19, 20, { kind: 'cut', machine: 1, forMs: 1000 })], processes: twice },
    ],
    [
      'only etcd was away',
      { faults: [during(5, 30, { kind: 'etcd-away', forMs: 25_000 })], processes: twice },
    ],
    [
      'the machine had no power: what it runs afterwards was started anew',
      {
        faults: [during(1, 19, { kind: 'power-cut', machine: 1, forMs: 18_000 })],
        processes: twice,
      },
    ],
  ])('%s: a violation', (_, parts) => {
    expect(checkCopies(history(parts))).toEqual([
      {
        invariant: 'I1',
        text: expect.stringMatching(/on machines 1 and 2 at once, from 20.00 s to 34.90 s/),
      },
    ]);
  });
});

describe('I2 and I3: ends', () => {
  const ended = ran(1, [0, 40]);
  const inTheRoundBefore: Partial<Evidence> = {
    rounds: [
      { number: 1, from: 0, until: 30_000, unsettled: [] },
      { number: 2, from: 30_000, until: 100_000, unsettled: [] },
    ],
    processes: [ended],
    requests: [asked({ action: 'restart', unit: 'a.service' }, { outcome: 'unknown' })],
  };
  test.each<[string, Partial<Evidence>]>([
    ['it is still there', { processes: [ran(1, [0, null])] }],
    ['asked for', { processes: [ended], requests: [asked({ action: 'stop', unit: 'a.service' })] }],
    [
      'asked for, without an answer',
      {
        processes: [ended],
        requests: [asked({ action: 'restart', unit: 'a.service' }, { outcome: 'unknown' })],
      },
    ],
    [
      'asked for in the round before, without an answer, and carried out now',
      {
        ...inTheRoundBefore,
        changes: [wrote(38, 'unit/a.service', { origin: { by: 'r1@chaos-1' } })],
      },
    ],
    [
      'its machine lost its power',
      {
        processes: [ended],
        faults: [during(39.5, 60, { kind: 'power-cut', machine: 1, forMs: 20_000 })],
      },
    ],
    [
      'it wrote down that it ended itself',
      {
        processes: [ended],
        notes: [
          { what: 'end', unit: 'a.service', machine: 1, innerPid: ended.innerPid, at: 39_950 },
        ],
      },
    ],
    [
      'it was replaced while nobody could hear its machine, and the other copy runs',
      { processes: [ended, ran(2, [22, null])], faults: [cut] },
    ],
    [
      'the other copy began after it was last seen, and before it was seen to be gone',
      { processes: [ended, ran(2, [39.95, null])], faults: [cut] },
    ],
    [
      'an exclusive one while etcd was away',
      {
        cast: exclusive,
        processes: [ended],
        faults: [during(35, 50, { kind: 'etcd-away', forMs: 15_000 })],
      },
    ],
    [
      'what it follows was stopped',
      {
        cast: [unit({ follows: 'b.service' })],
        processes: [ended],
        requests: [asked({ action: 'stop', unit: 'b.service' })],
      },
    ],
    [
      'metadata that it needs was changed',
      {
        cast: [unit({ only: { type: 'metadata', key: 'colour', value: 'blue' } })],
        processes: [ended],
        requests: [asked({ action: 'metadata', machine: 1, key: 'colour', value: 'red' })],
      },
    ],
  ])('%s: good', (_, parts) => {
    expect(checkEnds(history(parts))).toEqual([]);
  });

  test.each<[string, Partial<Evidence>, string, RegExp]>([
    ['nothing went wrong', {}, 'I2', /for no reason: nothing had gone wrong/],
    [
      'etcd was away',
      { faults: [during(10, 60, { kind: 'etcd-away', forMs: 50_000 })] },
      'I2',
      /there was only etcd-away for 50.0 s/,
    ],
    [
      'musterd was killed',
      { faults: [during(10, 11, { kind: 'musterd-kill', machine: 1 })] },
      'I2',
      /musterd-kill of machine 1/,
    ],
    [
      'another machine lost its power',
      { faults: [during(30, 60, { kind: 'power-cut', machine: 2, forMs: 30_000 })] },
      'I2',
      /gone at 40.00 s/,
    ],
    [
      'the request was about another unit',
      { requests: [asked({ action: 'stop', unit: 'b.service' })] },
      'I2',
      /no reason/,
    ],
    ['the request of the round before never came', inTheRoundBefore, 'I2', /no reason/],
    [
      'the request of the round before came then',
      {
        ...inTheRoundBefore,
        changes: [wrote(11, 'unit/a.service', { origin: { by: 'r1@chaos-1' } })],
      },
      'I2',
      /no reason/,
    ],
    [
      'the request was refused',
      { requests: [asked({ action: 'stop', unit: 'a.service' }, { outcome: 'refused' })] },
      'I2',
      /no reason/,
    ],
    [
      'the request came later',
      { requests: [asked({ action: 'stop', unit: 'a.service' }, { askedAt: 41_000 })] },
      'I2',
      /no reason/,
    ],
    [
      'the machine came back, and no other copy runs',
      { faults: [cut] },
      'I3',
      /after cut of machine 1/,
    ],
    [
      'the other copy began when it was gone',
      { processes: [ended, ran(2, [40.1, null])], faults: [cut] },
      'I3',
      /after cut of machine 1/,
    ],
    [
      'a pinned unit is not touched by a blip',
      { cast: [unit({ kind: 'pinned' })], faults: [cut] },
      'I2',
      /cut of machine 1/,
    ],
    [
      'an exclusive one because of another machine',
      { cast: exclusive, faults: [during(30, 45, { kind: 'cut', machine: 2, forMs: 15_000 })] },
      'I2',
      /only cut of machine 2/,
    ],
  ])('%s: a violation', (_, parts, invariant, text) => {
    const evidence = history({ processes: [ended], ...parts });
    expect(checkEnds(evidence)).toEqual([{ invariant, text: expect.stringMatching(text) }]);
  });

  test('the other copy had ended before: a violation', () => {
    const processes = [ran(1, [0, 40]), ran(2, [22, 30])];
    const requests = [asked({ action: 'stop', unit: 'a.service' }, { askedAt: 29_000, round: 2 })];
    const found = checkEnds(history({ processes, faults: [cut], requests }));
    expect(found.map(({ invariant }) => invariant)).toContain('I3');
  });
});

describe('what runs to its end', () => {
  const once = [unit({ kind: 'once' })];
  const began = (at: number) => ({
    what: 'begin' as const,
    unit: 'a.service',
    machine: 1,
    innerPid: at,
    at,
  });

  test('runs once for each request', () => {
    const requests = [asked({ action: 'restart', unit: 'a.service' })];
    expect(checkOnce(history({ cast: once, requests, notes: [began(10_200)] }))).toEqual([]);
  });

  test('is not run again because musterd was started anew', () => {
    const faults = [during(10, 11, { kind: 'musterd-kill', machine: 1 })];
    const found = checkOnce(history({ cast: once, faults, notes: [began(10_200)] }));
    expect(found).toEqual([{ invariant: 'I2', text: expect.stringContaining('ran 1 times') }]);
  });
});
