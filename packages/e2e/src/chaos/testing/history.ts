import type { Evidence, Process, Request, StoreChange } from '../evidence.ts';
import type { CastUnit } from '../units.ts';

/** Evidence of one round from 0 to 100 s in which nothing happened; `parts` replace what it holds. */
export function history(parts: Partial<Evidence> = {}): Evidence {
  return {
    cast: [unit()],
    machines: new Map([
      ['id1', 1],
      ['id2', 2],
      ['id3', 3],
    ]),
    rounds: [{ number: 1, from: 0, until: 100_000, unsettled: [] }],
    faults: [],
    processes: [],
    notes: [],
    requests: [],
    changes: [],
    ...parts,
  };
}

export function unit(parts: Partial<CastUnit> = {}): CastUnit {
  return {
    name: 'a.service',
    kind: 'steady',
    file: '',
    desiredState: 'launched',
    asked: 'nothing',
    follows: null,
    apart: null,
    only: null,
    ...parts,
  };
}

let pids = 0;

/** A process of a.service on a machine; `to: null`: it is still there. Seconds. */
export function ran(
  machine: number,
  [from, to]: readonly [number, number | null],
  parts: Partial<Process> = {},
): Process {
  pids += 1;
  return {
    unit: 'a.service',
    machine,
    pid: pids,
    innerPid: pids,
    startedAt: from * 1000,
    seenAt: (to ?? 100) * 1000 - 100,
    goneAt: to === null ? null : to * 1000,
    ...parts,
  };
}

export function asked(wish: Request['wish'], parts: Partial<Request> = {}): Request {
  return {
    id: 'r1',
    round: 1,
    wish,
    by: 'api',
    via: 1,
    askedAt: 10_000,
    answeredAt: 10_100,
    outcome: 'done',
    answer: 'updated',
    ...parts,
  };
}

/** A key that was made or changed; made at this revision unless `createRevision` says otherwise. */
export function wrote(
  revision: number,
  key: string,
  record: StoreChange['record'],
  parts: Partial<StoreChange> = {},
): StoreChange {
  const createRevision = record === null ? 0 : revision;
  return { revision, key, record, createRevision, seenAt: revision * 1000, ...parts };
}
