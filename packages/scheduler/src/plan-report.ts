import type { Log } from '@muster/core';
import type { Unplaced } from './draft.ts';
import type { Plan } from './plan.ts';

/** What is said of a unit or a circle; there may be many, and most are the same as before. */
type Said = Unplaced | Plan['givenUp'][number] | { readonly units: readonly string[] };

/** Logs what a plan could not do, once for as long as the reasons stay of the same kind. */
export class PlanReport {
  readonly #log: Log;
  #before = new Map<string, Said>();

  constructor(log: Log) {
    this.#log = log;
  }

  say({ unplaced, circles, givenUp }: Pick<Plan, 'unplaced' | 'circles' | 'givenUp'>): void {
    const now = new Map<string, Said>();
    const say = (key: string, said: Said, message: string): void => {
      const before = this.#before.get(key);
      now.set(key, said);
      if (before === undefined || !isAlike(before, said)) this.#log.warn(said, message);
    };
    for (const entry of unplaced) say(entry.unit, entry, 'cannot place unit');
    for (const entry of givenUp) {
      say(`failed ${entry.unit}`, entry, 'unit has failed and is not tried anew any more');
    }
    for (const units of circles) {
      const message = 'units replace each other: Replaces= has no effect among them';
      say(`circle ${units.join(' ')}`, { units }, message);
    }
    this.#before = now;
  }
}

/** Of one and the same unit or circle. */
function isAlike(a: Said, b: Said): boolean {
  if (!('machines' in a) || !('machines' in b)) return JSON.stringify(a) === JSON.stringify(b);
  return isSame(a, b) || gistOf(a) === gistOf(b);
}

function isSame(a: Unplaced, b: Unplaced): boolean {
  return (
    a.reason === b.reason &&
    a.machines.length === b.machines.length &&
    a.machines.every(({ machine, reason }, i) => {
      const other = b.machines[i];
      return other?.machine === machine && other.reason === reason;
    })
  );
}

/** Which machine says it, and how much of something is left there, changes with every unit that comes or goes. */
function gistOf({ reason, machines }: Unplaced): string {
  const kinds = new Set(machines.map((each) => each.reason.replace(leftThere, '')));
  return JSON.stringify([reason, ...[...kinds].sort()]);
}

/** What a shortage ends with: see `tooMuch` in resources.ts. */
const leftThere = /\S+ of \S+ left$/;
