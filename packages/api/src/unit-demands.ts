import {
  metadataMismatch,
  parseRequirements,
  parseUnitFile,
  UnitFileSyntaxError,
} from '@muster/core';
import type { ClusterSnapshot, Requirements, Unit, UnitFile } from '@muster/core';
import { mergedMetadata } from './metadata.ts';

/** What a unit asks of machines as far as the API cares; null: it is not global. */
export type GlobalDemands = Pick<Requirements, 'machineId' | 'metadata' | 'metadataTests'> | null;

/**
 * Remembers which units are global, by content and name: an entry never goes stale. Content that
 * does not speak of it is remembered once for all its instances. Holds at most 50,000 entries.
 */
export class GlobalUnits {
  readonly #demands = new Map<string, GlobalDemands>();

  /** @param text - normalised; null (missing in the store) counts as not global */
  demandsOf({ name, hash }: Unit, text: string | null): GlobalDemands {
    if (text === null || this.#demands.has(hash)) return null;
    const key = `${hash} ${name}`;
    const known = this.#demands.get(key);
    if (known !== undefined) return known;
    if (this.#demands.size >= 50_000) this.#demands.clear();
    if (!isPerhapsGlobal(text)) {
      this.#demands.set(hash, null);
      return null;
    }
    const demands = demandsIn(name, text);
    this.#demands.set(key, demands);
    return demands;
  }
}

/**
 * What the unit asks if it is global.
 * @param file - the text parsed, where that has been done
 */
export function demandsIn(name: string, text: string, file?: UnitFile): GlobalDemands {
  // Most units are not global, and this spares them the parser.
  if (!isPerhapsGlobal(text)) return null;
  try {
    const { requirements } = parseRequirements(file ?? parseUnitFile(text), name);
    return requirements.isGlobal ? requirements : null;
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return null;
    throw error;
  }
}

function isPerhapsGlobal(text: string): boolean {
  return /^Global=/m.test(text);
}

/** Whether any machine that is there (present and not away) fits. */
export function hasMatchingMachine(
  demands: NonNullable<GlobalDemands>,
  snapshot: ClusterSnapshot,
): boolean {
  for (const machine of snapshot.machines.values()) {
    if (machine.awaySince !== null) continue;
    const { machineId } = demands;
    if (machineId !== null && machineId !== machine.id && machineId !== machine.id.slice(0, 8)) {
      continue;
    }
    const metadata = mergedMetadata(machine, snapshot.settings.get(machine.id));
    if (metadataMismatch(demands, metadata) === null) return true;
  }
  return false;
}
