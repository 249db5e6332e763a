import { compileGlob, parseRequirements, parseUnitFile } from '@muster/core';
import type { ClusterSnapshot, Unit } from '@muster/core';
import { claimOf, demandOf } from './eligibility.ts';
import type { Candidate } from './eligibility.ts';

/** What was read of units, by name, so that a plan need not parse what has not changed. */
export type CandidateCache = Map<string, { readonly hash: string; readonly candidate: Candidate }>;

/** The sentence says why the unit cannot be read. */
export function readCandidate(
  unit: Unit,
  { files }: ClusterSnapshot,
  cache: CandidateCache,
): Candidate | string {
  const text = files.get(unit.hash);
  if (text === undefined) return `its unit file ${unit.hash} is not stored`;
  const known = cache.get(unit.name);
  if (known?.hash === unit.hash && known.candidate.createRevision === unit.createRevision) {
    return known.candidate;
  }
  try {
    const read = parseRequirements(parseUnitFile(text), unit.name);
    const { requirements, problems, disregarded } = read;
    const problem = problems.find((each) => !disregarded.includes(each));
    if (problem !== undefined) return problem;
    const demand = demandOf(requirements);
    const candidate: Candidate = {
      name: unit.name,
      createRevision: unit.createRevision,
      requirements,
      conflicts: requirements.conflicts.map(compileGlob),
      replaces: requirements.replaces.map(compileGlob),
      demand,
      claim: claimOf(requirements, demand),
    };
    cache.set(unit.name, { hash: unit.hash, candidate });
    return candidate;
  } catch (error) {
    return `its unit file ${unit.hash} does not parse: ${error instanceof Error ? error.message : String(error)}`;
  }
}
