import {
  exitText,
  failureText,
  parseRequirements,
  parseUnitFile,
  UnitFileSyntaxError,
} from '@muster/core';
import type { PlacementFailures, Unit, UnitState } from '@muster/core';
import type { FailuresBody } from './wire.ts';

/** Why muster or systemd refuses to do anything with the unit there; null: they do not. */
export function refusalOf({ problem, loadState }: UnitState): string | null {
  if (problem !== null) return problem;
  return ['error', 'bad-setting', 'masked'].includes(loadState)
    ? `systemd says of its file: ${loadState}`
    : null;
}

/** How the unit ended, if not well: `203/EXEC`, `start-limit-hit, 1/FAILURE`, `dependency`; else null. */
export function badEnd({ activeState, subState, result, exit }: UnitState): string | null {
  if (activeState === 'failed') return failureText(result ?? subState, exit ?? null);
  if (result !== null && result !== 'success') return failureText(result, exit ?? null);
  return exit === undefined ? null : exitText(exit);
}

/**
 * Why a launched unit is down though it should not be; null: it is up, on its way, has run to its
 * end as it should, or nobody knows yet.
 */
export function failureOf(state: UnitState): string | null {
  const refusal = refusalOf(state);
  if (refusal !== null) return refusal;
  const end = badEnd(state);
  if (state.activeState === 'failed') return `it failed (${end})`;
  return state.activeState === 'inactive' && end !== null ? `it is inactive (${end})` : null;
}

/**
 * All that is wrong with the unit there, one phrase; null: nothing is.
 * @param failures - of the unit, wherever it was
 */
export function failurePhrase(state: UnitState, failures: FailuresBody | null): string | null {
  const why = refusalOf(state) ?? badEnd(state);
  const given =
    why !== null && state.activeState !== 'active' && failures?.isExhausted === true
      ? `given up after ${failures.attempts} further attempts`
      : null;
  const phrases = [why, given, flapsPhrase(state)].filter((each) => each !== null);
  return phrases.length === 0 ? null : phrases.join('; ');
}

export function flapsPhrase({ flapping }: UnitState): string | null {
  return flapping === undefined ? null : `flapping, ${flapping} restarts in 10 min`;
}

/** What is stored of a unit's failures, with what its file allows; null: nothing that still holds. */
export function renderFailures(
  unit: Unit,
  text: string | null,
  failures: PlacementFailures | null,
): FailuresBody | null {
  if (failures === null || failures.unitRevision !== unit.modRevision) return null;
  const { attempts, machines } = failures;
  const limit = limitIn(unit.name, text);
  return {
    attempts,
    limit: limit === Infinity ? null : limit,
    isExhausted: attempts >= limit,
    machines,
  };
}

function limitIn(name: string, text: string | null): number {
  if (text === null) return 0;
  try {
    const { requirements } = parseRequirements(parseUnitFile(text), name);
    return requirements.reschedule?.limit ?? 0;
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return 0;
    throw error;
  }
}
