import type { RebalanceBody, RebalancePlanBody } from '@muster/api/client';
import { formatTable } from './table.ts';

type Move = RebalancePlanBody['moves'][number];
type MachineOf = (id: string) => string;

/** The moves as a table. @param machineOf - how a machine is shown */
export function moveLines(
  moves: readonly Move[],
  { machineOf, hasColour }: { readonly machineOf: MachineOf; readonly hasColour: boolean },
): string[] {
  const rows = moves.map((move) => [
    unitsInWords(move),
    machineOf(move.from),
    machineOf(move.to),
    move.order,
    move.reason.replace(/^rebalance: /, ''),
  ]);
  return formatTable(['UNIT', 'FROM', 'TO', 'ORDER', 'REASON'], rows, hasColour);
}

export function movingLine(move: Move, machineOf: MachineOf): string {
  return `Moving ${unitsInWords(move)} from ${machineOf(move.from)} to ${machineOf(move.to)}`;
}

/** What `musterctl status` says of it. */
export function rebalanceLines(rebalance: RebalanceBody | null): string[] {
  if (rebalance === null) return [];
  const { origin, limit, moved, moves, end } = rebalance;
  if (end?.type === 'failed' && moves.length === 0) {
    return [`  Rebalance: failed: ${end.reason}, after ${moved} moves; asked for by ${origin.by}`];
  }
  const of = limit === null ? '' : ` of at most ${limit}`;
  const why = end === null ? '' : ` (no more are begun: ${end.reason})`;
  return [
    `  Rebalance: ${moved}${of} moves made, ${moves.length} under way${why}; asked for by ${origin.by}`,
    ...moves.map((move) => `    ${movingLine(move, (id) => `${id.slice(0, 8)}...`)}`),
  ];
}

function unitsInWords({ units: [first = '', ...others] }: Move): string {
  return others.length === 0 ? first : `${first} and ${others.length} with it`;
}
