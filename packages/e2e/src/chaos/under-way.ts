import type { StoredRecord } from './store-access.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What muster itself has still to do, by its own records: machines may look right although a change
 * is on its way that has not reached them. Pure. @returns one sentence for each thing
 */
export function underWay(records: readonly StoredRecord[]): readonly string[] {
  const byKey = new Map(records.map((stored) => [stored.key, stored]));
  const problems = byKey.has('leader') ? [] : ['nobody leads'];
  const assigned = new Set<string>();
  for (const stored of records) {
    const [kind, machine = '', unit = ''] = stored.key.split('/');
    if (kind !== 'assignment') continue;
    assigned.add(unit);
    const why = whyUnderWay(stored, byKey.get(`unit/${unit}`)?.record ?? null);
    if (why !== null) problems.push(`${unit}: ${why}`);
    const answers = Number(byKey.get(`state/${machine}/${unit}`)?.record?.['answers'] ?? 0);
    if (answers < stored.revision)
      problems.push(`${unit}: a machine has not carried out what it is assigned`);
  }
  for (const { key, record } of records) {
    const [kind, unit = ''] = key.split('/');
    if (kind !== 'unit' || record?.['desiredState'] === 'inactive' || assigned.has(unit)) continue;
    problems.push(`${unit}: it has no place`);
  }
  return problems;
}

/** null: the assignment says what the unit's record does. */
function whyUnderWay({ record }: StoredRecord, unit: Fields | null): string | null {
  if (unit === null || unit['desiredState'] === 'inactive') return 'it has not been taken away';
  if (record?.['role'] !== 'holder' || record['isLeaving'] === true) return 'it is moving';
  // Nobody asks for a restart on one machine alone here.
  const isSame = ['hash', 'desiredState', 'restarts'].every((name) => record[name] === unit[name]);
  return isSame ? null : 'its assignment is not what is wanted yet';
}
