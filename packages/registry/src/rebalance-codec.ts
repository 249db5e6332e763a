import { moveOrders, rebalanceEnds } from '@muster/core';
import type { Rebalance, StartedMove } from '@muster/core';
import { readOrigin } from './codec.ts';
import { parseRecord } from './fields.ts';
import type { Fields, Parsed } from './fields.ts';
import type { StoredKey } from './store.ts';

export function encodeRebalance(
  { origin, limit, atOnce, moved, moves, end }: Omit<Rebalance, 'modRevision'>,
  nonce: string,
): string {
  return JSON.stringify({
    origin,
    limit,
    atOnce,
    moved,
    moves: moves.map(({ units, revisions, ...move }) => {
      return { ...move, units: units.map((unit, i) => ({ unit, revision: revisions[i] })) };
    }),
    end,
    nonce,
  });
}

export function parseRebalance(stored: StoredKey): Parsed<Rebalance> {
  return parseRecord(stored.value, (f) => {
    const end = f.optionalObject('end');
    return {
      origin: readOrigin(f.object('origin')),
      limit: f.countOrNull('limit'),
      atOnce: f.count('atOnce'),
      moved: f.count('moved'),
      moves: f.objects('moves').map(readMove),
      ...(end === undefined
        ? {}
        : { end: { type: end.oneOf('type', rebalanceEnds), reason: end.text('reason') } }),
      modRevision: stored.modRevision,
    };
  });
}

function readMove(f: Fields): StartedMove {
  const units = f.objects('units');
  return {
    units: units.map((unit) => unit.text('unit')),
    revisions: units.map((unit) => unit.count('revision')),
    from: f.text('from'),
    to: f.text('to'),
    order: f.oneOf('order', moveOrders),
    reason: f.text('reason'),
  };
}
