import { checkCopies, checkEnds, checkOnce } from './check-processes.ts';
import { checkRequests } from './check-requests.ts';
import { checkAnswers, checkConstraints, checkFence } from './check-store.ts';
import type { Evidence, Violation } from './evidence.ts';

const checks = [
  checkCopies,
  checkEnds,
  checkOnce,
  checkConstraints,
  checkFence,
  checkSettled,
  checkAnswers,
  checkRequests,
];

/** Everything that muster promises and that this evidence shows not to have been kept. Pure. */
export function checkEvidence(evidence: Evidence): readonly Violation[] {
  return checks.flatMap((check) => check(evidence));
}

/** I6 and I10: when everything has been put right, machines become what is wanted, in time. */
function checkSettled({ rounds }: Evidence): Violation[] {
  return rounds.flatMap(({ number, unsettled }) =>
    unsettled.map((text) => ({ invariant: 'I6', text: `after round ${number}: ${text}` })),
  );
}
