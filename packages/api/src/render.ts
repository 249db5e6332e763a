import { exitText } from '@muster/core';
import type {
  Assignment,
  ClusterSnapshot,
  DesiredState,
  Leader,
  Unit,
  UnitDetail,
  UnitFile,
  UnitState,
} from '@muster/core';
import { renderAbsent, renderBrake } from './absent-machines.ts';
import { renderPolicy } from './write-policy.ts';
import { renderRebalance } from './write-rebalance.ts';
import { deriveCurrentState, doesAnswer } from './current-state.ts';
import type { UnitRecords } from './current-state.ts';
import { mergedMetadata } from './metadata.ts';
import { promisedIn } from './promised.ts';
import type { UnitNeeds } from './promised.ts';
import type { GlobalUnits } from './unit-demands.ts';
import { failurePhrase, renderFailures } from './unit-failure.ts';
import type {
  ClusterBody,
  FailuresBody,
  MachineBody,
  UnitBody,
  UnitDetailBody,
  UnitStateBody,
} from './wire.ts';

const none: ReadonlyMap<string, never> = new Map<string, never>();

export function renderUnits(snapshot: ClusterSnapshot, globals: GlobalUnits): UnitBody[] {
  const bodies: UnitBody[] = [];
  for (const unit of snapshot.units.values()) {
    const assignments = snapshot.assignments.get(unit.name) ?? none;
    const states = snapshot.states.get(unit.name) ?? none;
    const text = snapshot.files.get(unit.hash) ?? null;
    const isGlobal = globals.demandsOf(unit, text) !== null;
    const failures = failuresIn(snapshot, unit);
    bodies.push(renderUnit({ unit, assignments, states }, { isGlobal, text, failures }));
  }
  return bodies.sort((a, b) => compare(a.name, b.name));
}

function failuresIn({ placements, files }: ClusterSnapshot, unit: Unit): FailuresBody | null {
  const failures = placements.get(unit.name)?.failures ?? null;
  return renderFailures(unit, files.get(unit.hash) ?? null, failures);
}

function renderUnit(
  records: UnitRecords,
  {
    isGlobal,
    text,
    failures,
  }: Pick<UnitBody, 'isGlobal' | 'failures'> & { readonly text: string | null },
): UnitBody {
  const { name, hash, desiredState, restarts, perMachine, origin, modRevision } = records.unit;
  return {
    name,
    hash,
    desiredState,
    currentState: deriveCurrentState(records),
    isGlobal,
    description: descriptionIn(text),
    machines: [...records.assignments.values()]
      .map(({ machine, role }) => ({ machine, role }))
      .sort((a, b) => compare(a.machine, b.machine)),
    restarts,
    perMachine: perMachine ?? {},
    failures,
    origin,
    revision: modRevision,
  };
}

/** The first line of the last `Description=`, as it stands there. Only section [Unit] has that option. */
function descriptionIn(text: string | null): string | null {
  const at = text?.lastIndexOf('\nDescription=') ?? -1;
  if (text === null || at === -1) return null;
  const from = at + '\nDescription='.length;
  const line = text.slice(from, text.indexOf('\n', from)).replace(/\s*\\$/, '');
  return line === '' ? null : line;
}

/** @param file - null when the content is missing or does not parse */
export function renderDetail(
  detail: UnitDetail,
  file: UnitFile | null,
  isGlobal: boolean,
): UnitDetailBody {
  const assignments = new Map(detail.assignments.map((a) => [a.machine, a]));
  const states = new Map(detail.states.map((state) => [state.machine, state]));
  const { unit, file: text } = detail;
  const failures = renderFailures(unit, text, detail.failures);
  return {
    ...renderUnit({ unit, assignments, states }, { isGlobal, text, failures }),
    file: detail.file,
    options: file?.options ?? [],
    assignments: [...assignments.values()]
      .sort((a, b) => compare(a.machine, b.machine))
      .map(renderAssignment),
    states: [...states.values()]
      .sort((a, b) => compare(a.machine, b.machine))
      .map((state) => {
        return renderState(state, assignments.get(state.machine), { unit, failures });
      }),
  };
}

function renderAssignment(assignment: Assignment): UnitDetailBody['assignments'][number] {
  const { machine, role, hash, desiredState, restarts, reason, modRevision } = assignment;
  const starts = assignment.starts ?? 0;
  return { machine, role, hash, desiredState, restarts, starts, reason, revision: modRevision };
}

export function renderStates(snapshot: ClusterSnapshot): UnitStateBody[] {
  const bodies: UnitStateBody[] = [];
  for (const [unit, states] of snapshot.states) {
    const assignments = snapshot.assignments.get(unit) ?? none;
    const stored = snapshot.units.get(unit) ?? null;
    const failures = stored === null ? null : failuresIn(snapshot, stored);
    for (const state of states.values()) {
      const assignment = assignments.get(state.machine);
      bodies.push(renderState(state, assignment, { unit: stored, failures }));
    }
  }
  return bodies.sort((a, b) => compare(a.unit, b.unit) || compare(a.machine, b.machine));
}

function renderState(
  state: UnitState,
  assignment: Assignment | undefined,
  { unit, failures }: { readonly unit: Unit | null; readonly failures: FailuresBody | null },
): UnitStateBody {
  const { machine, loadState, activeState, subState, result, exit } = state;
  const { flapping = null, problem, since, hash } = state;
  const isCurrent =
    unit !== null &&
    assignment !== undefined &&
    assignment.incarnation === unit.createRevision &&
    doesAnswer(state, assignment);
  return {
    unit: state.unit,
    machine,
    loadState,
    activeState,
    subState,
    result,
    exit: exit === undefined ? null : { ...exit, text: exitText(exit) },
    flapping,
    problem,
    failure: failurePhrase(state, failures),
    since,
    hash,
    isCurrent,
  };
}

export function renderMachines(snapshot: ClusterSnapshot, needs: UnitNeeds): MachineBody[] {
  const promised = promisedIn(snapshot, needs);
  const held = new Map<string, number>();
  for (const assignments of snapshot.assignments.values()) {
    for (const { machine, role } of assignments.values()) {
      if (role === 'holder') held.set(machine, (held.get(machine) ?? 0) + 1);
    }
  }
  return [...snapshot.machines.values()]
    .sort((a, b) => compare(a.id, b.id))
    .map((machine) => ({
      id: machine.id,
      hostname: machine.hostname,
      address: machine.address,
      apiUrl: machine.apiUrl,
      metadata: mergedMetadata(machine, snapshot.settings.get(machine.id)),
      capacity: machine.capacity,
      promised: promised.get(machine.id) ?? { cpus: 0, memoryBytes: 0, diskBytes: 0, tasks: 0 },
      version: machine.version,
      bootId: machine.bootId,
      awaySince: machine.awaySince,
      units: held.get(machine.id) ?? 0,
    }));
}

/** What a machine says of itself is newer than what it said when it won. */
function renderLeader(
  { machine, apiUrl }: Leader,
  { machines }: ClusterSnapshot,
): ClusterBody['leader'] {
  const present = machines.get(machine);
  return { machine, apiUrl: present === undefined ? apiUrl : present.apiUrl };
}

export function renderCluster(snapshot: ClusterSnapshot): ClusterBody {
  const units: Record<DesiredState, number> = { inactive: 0, loaded: 0, launched: 0 };
  for (const unit of snapshot.units.values()) units[unit.desiredState] += 1;
  const problems: ClusterBody['problems'][number][] = [];
  const failed = new Set<string>();
  const flaps = new Set<string>();
  let states = 0;
  for (const [unit, byMachine] of snapshot.states) {
    for (const { machine, activeState, flapping, problem } of byMachine.values()) {
      states += 1;
      if (activeState === 'failed') failed.add(unit);
      if (flapping !== undefined) flaps.add(unit);
      if (problem !== null) problems.push({ unit, machine, problem });
    }
  }
  const machines = [...snapshot.machines.values()];
  const { leader } = snapshot;
  return {
    id: snapshot.clusterId,
    revision: snapshot.revision,
    leader: leader === null ? null : renderLeader(leader, snapshot),
    counts: {
      machines: machines.length,
      away: machines.filter(({ awaySince }) => awaySince !== null).length,
      units,
      assignments: [...snapshot.assignments.values()].reduce((sum, { size }) => sum + size, 0),
      states,
      failed: failed.size,
      flapping: flaps.size,
    },
    policy: renderPolicy(snapshot),
    rebalance: renderRebalance(snapshot),
    brake: renderBrake(snapshot),
    absent: renderAbsent(snapshot),
    corrupt: snapshot.corrupt,
    problems: problems.sort((a, b) => compare(a.unit, b.unit) || compare(a.machine, b.machine)),
  };
}

/** By code unit: the same order everywhere, whatever the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
