import { parseRequirements, parseUnitFile, UnitFileSyntaxError } from '@muster/core';
import type { Taker } from './resources.ts';

/**
 * What a unit takes by content that need not be its present one; null: that cannot be told.
 * @param text - undefined: it is not stored (any more)
 */
export function readTaker(name: string, text: string | undefined): Taker | null {
  // Most units take nothing, and need not be parsed.
  if (text === undefined || !/^(?:Memory|CPU|Disk|Tasks|Allowed|Ports|Listen)\w*=/m.test(text)) {
    return text === undefined ? null : { name, requirements: { resources: null } };
  }
  try {
    return { name, requirements: parseRequirements(parseUnitFile(text), name).requirements };
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return null;
    throw error;
  }
}
