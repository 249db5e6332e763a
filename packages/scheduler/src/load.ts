import type { Host } from './eligibility.ts';
import type { Ledger } from './resources.ts';

/** What a unit that says nothing of what it needs is taken for, in hundredths of a machine. */
const unitWeight = 1;

/**
 * How full a machine is, in hundredths: what of its memory or of its CPU is reserved, whichever is
 * more, and one for each unit. One sum and not first the one and then the other: of machines with
 * 1 % and 2 % reserved, one would get every unit that reserves nothing, for these make it no fuller.
 * Where nobody reserves anything it is the number of units.
 */
export function loadOf({ ledger, residents }: Host): number {
  const share = Math.max(shareOf(ledger, 'memory'), shareOf(ledger, 'cpu'));
  return 100 * share + unitWeight * residents.size;
}

/** For people; null: nothing is reserved there. */
export function describeLoad({ ledger, residents }: Host): string | null {
  const memory = shareOf(ledger, 'memory');
  const cpu = shareOf(ledger, 'cpu');
  if (memory === 0 && cpu === 0) return null;
  const units = residents.size === 1 ? '1 unit' : `${residents.size} units`;
  const fullest = memory >= cpu ? 'memory' : 'CPU';
  return `${units}, ${Math.ceil(100 * Math.max(memory, cpu))} % of its ${fullest} reserved`;
}

/** 0 where there is no limit. More than 1: the machine has shrunk. */
function shareOf({ promised, offer }: Ledger, kind: 'memory' | 'cpu'): number {
  if (promised[kind] === 0) return 0;
  return promised[kind] / Math.max(1, offer[kind]);
}
