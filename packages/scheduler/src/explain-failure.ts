import { failureText, formatTimeSpan, rescheduleDelayMs } from '@muster/core';
import type { Candidate } from './eligibility.ts';
import type { Model } from './model.ts';
import { answer, hasFailed } from './readiness.ts';
import { failuresOf } from './reschedule.ts';

/** What becomes of a unit that has failed on its machine, one sentence; null: it has not. */
export function failureNote(
  model: Model,
  { name, requirements }: Candidate,
  machine: string,
): string | null {
  const state = answer(model, name, machine);
  if (state === null || !hasFailed(model, name, machine)) return null;
  const why = state.problem ?? failureText(state.result ?? state.subState, state.exit ?? null);
  const failed = `it has failed on ${machine} (${why})`;
  const { reschedule } = requirements;
  if (reschedule === null) return `${failed} and stays there: it has no Reschedule=on-failure`;
  const attempts = failuresOf(model, name)?.attempts ?? 0;
  if (attempts >= reschedule.limit) {
    const times = attempts === 1 ? 'once' : `${attempts} times`;
    return `${failed} and was tried elsewhere ${times}, which is all that RescheduleLimit= allows`;
  }
  const of = reschedule.limit === Infinity ? '' : ` of ${reschedule.limit}`;
  const delay = formatTimeSpan(rescheduleDelayMs(reschedule, attempts));
  return `${failed}: attempt ${attempts + 1}${of} elsewhere comes ${delay} after the leader has seen it`;
}
