import type { Cluster } from '../cluster.ts';
import type { Note } from './evidence.ts';
import { programLog } from './units.ts';

/** What programs of units have written down on all machines so far. */
export async function readNotes({ lab, numbers }: Cluster): Promise<readonly Note[]> {
  const machines = [...numbers.values()];
  const texts = await Promise.all(
    machines.map((machine) => lab.sh(machine, `cat ${programLog} 2>/dev/null; true`)),
  );
  return machines.flatMap((machine, i) => parseNotes(texts[i] ?? '', machine));
}

/** A line that a power cut left unfinished says nothing. */
export function parseNotes(text: string, machine: number): Note[] {
  return text.split('\n').flatMap((line): Note[] => {
    const found = /^(begin|end) (\S+) (\d+) (\d+\.\d\d)$/.exec(line);
    if (found === null) return [];
    const [, what, unit = '', pid, seconds] = found;
    const at = Math.round(Number(seconds) * 1000);
    return [{ what: what === 'end' ? 'end' : 'begin', unit, machine, innerPid: Number(pid), at }];
  });
}
