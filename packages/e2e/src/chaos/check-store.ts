import type { Evidence, StoreChange, Violation } from './evidence.ts';
import { replay } from './replay.ts';
import type { StoreMoment } from './replay.ts';
import type { CastUnit } from './units.ts';

/** The leader may have decided with metadata that was changed so long before its write was seen. */
const decidingMs = 3000;

/** I4: assignments are what the units' options allow, at every revision. */
export function checkConstraints(evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  const metadata = new MetadataHistory();
  for (const moment of replay(evidence.changes)) {
    metadata.take(moment);
    const say = (text: string): void => {
      found.push({ invariant: 'I4', text: `at revision ${moment.revision} ${text}` });
    };
    for (const change of moment.changed) {
      const assignment = assignmentOf(evidence.cast, change);
      // It is judged where it begins: what it was decided from may change afterwards.
      if (assignment === null || change.createRevision !== moment.revision) continue;
      judge(evidence, { ...assignment, moment, metadata }, say);
    }
  }
  return found;
}

interface Assigned {
  readonly unit: CastUnit;
  readonly machine: string;
  readonly seenAt: number;
}

function judge(
  { cast, machines }: Evidence,
  {
    unit,
    machine,
    seenAt,
    moment,
    metadata,
  }: Assigned & {
    moment: StoreMoment;
    metadata: MetadataHistory;
  },
  say: (text: string) => void,
): void {
  const { name, apart, follows, only } = unit;
  const where = `${name} was put on machine ${machines.get(machine)}`;
  const holds = (other: string): boolean => isHeld(moment, other, machine);
  for (const other of cast) {
    if (apart === null || other.apart !== apart || other.name === name) continue;
    if (holds(other.name)) say(`${where}, which has ${other.name}`);
  }
  if (follows !== null && !holds(follows)) say(`${where}, which does not have ${follows}`);
  if (only?.type === 'machine' && only.machine !== machines.get(machine))
    say(`${where}, not ${only.machine}`);
  if (only?.type === 'metadata' && !metadata.had(machine, { ...only, at: seenAt })) {
    say(`${where}, which had no ${only.key}=${only.value}`);
  }
}

function isHeld({ records }: StoreMoment, unit: string, machine: string): boolean {
  const role = records.get(`assignment/${machine}/${unit}`)?.record?.['role'];
  return role !== undefined && role !== 'released';
}

/** null: it is no new assignment of a unit of the run that may run there. */
function assignmentOf(cast: readonly CastUnit[], change: StoreChange): Assigned | null {
  const [kind, machine = '', name] = change.key.split('/');
  const unit = cast.find((each) => each.name === name);
  if (kind !== 'assignment' || unit === undefined || change.record === null) return null;
  if (change.record['role'] === 'released') return null;
  return { unit, machine, seenAt: change.seenAt };
}

/** Metadata set by hand, and since when each value no longer holds. */
class MetadataHistory {
  readonly #values = new Map<string, { value: unknown; until: number }[]>();

  take({ changed }: StoreMoment): void {
    for (const { key, record, seenAt } of changed) {
      const [kind, machine = ''] = key.split('/');
      const metadata = record?.['metadata'];
      if (kind !== 'machine-settings' || typeof metadata !== 'object' || metadata === null)
        continue;
      for (const [name, value] of Object.entries(metadata)) {
        const id = `${machine} ${name}`;
        const values = this.#values.get(id) ?? [];
        const last = values.at(-1);
        if (last !== undefined) last.until = seenAt;
        this.#values.set(id, [...values, { value, until: Number.POSITIVE_INFINITY }]);
      }
    }
  }

  /** Whether the machine had this value at a time, or so shortly before that it was decided with. */
  had(machine: string, { key, value, at }: { key: string; value: string; at: number }): boolean {
    const values = this.#values.get(`${machine} ${key}`) ?? [];
    return values.some((each) => each.value === value && each.until >= at - decidingMs);
  }
}

/** I5: nobody writes assignments but who leads at that revision. */
export function checkFence({ changes }: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const { revision, changed, ledBy } of replay(changes)) {
    for (const { key, record } of changed) {
      if (!key.startsWith('assignment/') && !key.startsWith('placement/')) continue;
      const fence = record === null ? fenceOfRemoval(key, changed) : fenceOf(record);
      if (fence === null || (ledBy !== null && fence === ledBy.createRevision)) continue;
      const leads = ledBy === null ? 'nobody' : `the leader since revision ${ledBy.createRevision}`;
      const done = record === null ? 'removed' : 'written';
      const text = `at revision ${revision} ${key} was ${done} by the leader since revision ${fence}, while ${leads} led`;
      found.push({ invariant: 'I5', text });
    }
  }
  return found;
}

/** Create revision of the leader's key under which a record was written. */
function fenceOf({ nonce }: Readonly<Record<string, unknown>>): number {
  return Number(String(nonce).split('.')[0]);
}

/** The same of an assignment that is gone: the audit record of the transaction says it; null: it does not. */
function fenceOfRemoval(key: string, changed: readonly StoreChange[]): number | null {
  const withdrawn = changed.find((change) => change.key === 'audit')?.record?.['withdrawn'];
  const entries: readonly Record<string, unknown>[] = Array.isArray(withdrawn) ? withdrawn : [];
  const entry = entries.find(
    ({ machine, unit }) => key === ['assignment', machine, unit].join('/'),
  );
  return typeof entry?.['fence'] === 'number' ? entry['fence'] : null;
}

/** I9: what a machine says it has carried out never goes back, in one boot. */
export function checkAnswers({ changes, machines }: Evidence): Violation[] {
  const answered = new Map<string, number>();
  return changes.flatMap(({ key, record, revision }) => {
    if (!key.startsWith('state/') || record === null) return [];
    const answers = Number(record['answers']);
    const inBoot = `${key} ${String(record['bootId'])}`;
    const before = answered.get(inBoot) ?? 0;
    answered.set(inBoot, answers);
    if (answers >= before) return [];
    const [, machine = '', unit = ''] = key.split('/');
    const text = `at revision ${revision} machine ${machines.get(machine)} said of ${unit} that it has carried out ${answers}, after ${before}`;
    return [{ invariant: 'I9', text }];
  });
}
