import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import type { Evidence } from './evidence.ts';
import type { TimedFault } from './fault.ts';
import type { TimedWish } from './plan-requests.ts';
import type { Outcome } from './run.ts';

/** Faults of rounds 1, 2, …, and the seed of the requests. */
export interface Schedule {
  readonly seed: number;
  readonly rounds: readonly (readonly TimedFault[])[];
  /** What one client asks for in rounds 1, 2, …, instead of what follows from the seed. */
  readonly requests?: readonly (readonly TimedWish[])[];
}

/** Writes down everything about a run whose promises were broken, while its lab still stands. */
export async function keepEvidence(
  directory: string,
  { outcome, schedule, lab }: { outcome: Outcome; schedule: Schedule; lab: Lab },
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const { evidence, violations } = outcome;
  write('evidence.json', JSON.stringify({ ...evidence, machines: [...evidence.machines] }));
  write('schedule.json', JSON.stringify(schedule, null, 1));
  write(
    'violations.txt',
    violations.map(({ invariant, text }) => `${invariant}: ${text}\n`).join(''),
  );
  const status = await lab.status();
  for (const { machine, state } of status.machines) {
    if (state !== 'running') continue;
    const journal = await lab.try(machine, 'journalctl -q --no-pager -o short-monotonic');
    write(`machine-${machine}.journal`, journal.stdout);
  }
  for (const { member } of status.etcd) {
    const log = readFileSync(`/run/muster-lab/${lab.name}/etcd${member}.log`, 'utf8');
    write(`etcd-${member}.log`, log);
  }
}

export function readKeptEvidence(directory: string): Evidence {
  const text = readFileSync(join(directory, 'evidence.json'), 'utf8');
  const kept: Omit<Evidence, 'machines'> & { machines: [string, number][] } = JSON.parse(text);
  return { ...kept, machines: new Map(kept.machines) };
}

export function readSchedule(file: string): Schedule {
  const schedule: Schedule = JSON.parse(readFileSync(file, 'utf8'));
  return schedule;
}
