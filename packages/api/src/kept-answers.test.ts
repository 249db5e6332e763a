import type { ClusterSnapshot } from '@muster/core';
import { KeptAnswers } from './kept-answers.ts';

/** A picture of which only these count. */
function picture(units: ClusterSnapshot['units'], revision: number): ClusterSnapshot {
  return {
    revision,
    clusterId: 'test',
    units,
    files: new Map(),
    fileRevisions: new Map(),
    machines: new Map(),
    settings: new Map(),
    placements: new Map(),
    assignments: new Map(),
    states: new Map(),
    leader: null,
    brake: null,
    policy: null,
    rebalance: null,
    losses: new Map(),
    corrupt: [],
  };
}

test('an answer is made once for each revision of a picture, and for each thing that is asked', () => {
  const kept = new KeptAnswers();
  const made: string[] = [];
  const ask = (snapshot: ClusterSnapshot, what: string): unknown => {
    const render = ({ revision }: ClusterSnapshot): unknown => {
      made.push(`${what} ${revision}`);
      return { [what]: revision };
    };
    return JSON.parse(kept.of(snapshot, what, render).toString());
  };
  const units: ClusterSnapshot['units'] = new Map();
  expect(ask(picture(units, 1), 'a')).toEqual({ a: 1 });
  expect(ask(picture(units, 1), 'a')).toEqual({ a: 1 });
  expect(ask(picture(units, 1), 'b')).toEqual({ b: 1 });
  expect(ask(picture(units, 2), 'a')).toEqual({ a: 2 });
  expect(ask(picture(new Map(), 2), 'a')).toEqual({ a: 2 });
  expect(made).toEqual(['a 1', 'b 1', 'a 2', 'a 2']);
});
