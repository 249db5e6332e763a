import { firstFew } from './first-few.ts';
import { compileGlob, escapeGlob } from './glob.ts';
import { readMetadata } from './metadata-option.ts';
import type { MetadataTest } from './metadata-test.ts';
import { nearest } from './nearest.ts';
import { readOnPartition } from './on-partition.ts';
import type { OnPartition } from './on-partition.ts';
import { fleetSection, fleetValues, lastFleetValue, readNames, unique } from './option-words.ts';
import { isPeer, readPeer } from './peer-pattern.ts';
import { preferenceOptions, readPreferences } from './preferences-option.ts';
import type { Preferences } from './preferences-option.ts';
import { readReschedule, rescheduleOptions } from './reschedule-option.ts';
import type { Reschedule } from './reschedule-option.ts';
import { reservedNameProblem } from './reserved-names.ts';
import { readResources, resourceOptions } from './resources-option.ts';
import type { Resources } from './resources-option.ts';
import type { UnitFile } from './unit-file.ts';
import { parseUnitName, withDefaultSuffix } from './unit-name.ts';

/** What a unit asks of its place. Specifiers are expanded. */
export interface Requirements {
  /** A machine-id or its first 8 digits; null: any machine. */
  readonly machineId: string | null;
  /** key → allowed values; every key must be satisfied. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  /** What is asked of metadata with operators; all of it must be satisfied. */
  readonly metadataTests: readonly MetadataTest[];
  /** Units that must be on the same machine: names, and globs of all that match. */
  readonly machineOf: readonly string[];
  /**
   * Globs of units that must not be on the same machine. Names in `[Unit] Conflicts=` are among
   * them, quoted; those that are no unit of the cluster simply never match.
   */
  readonly conflicts: readonly string[];
  /** Globs of units that leave the machine that this one is placed on. */
  readonly replaces: readonly string[];
  /** Runs on every machine that satisfies the rest. */
  readonly isGlobal: boolean;
  /** null: when it has failed it stays where it is. Always null for what can run on one place only. */
  readonly reschedule: Reschedule | null;
  readonly onPartition: OnPartition;
  /** null: any machine that can take it is as good as another. */
  readonly preferences: Preferences | null;
  /** What it takes of its machine; null: nothing that is counted. */
  readonly resources: Resources | null;
}

export interface ParsedRequirements {
  readonly requirements: Requirements;
  /** Reasons to refuse the unit, one sentence each. */
  readonly problems: readonly string[];
  /**
   * Those of them that are about values which count as not given: a unit that is stored already, by a
   * version that did not know the option, is placed without regard to these.
   */
  readonly disregarded: readonly string[];
  readonly warnings: readonly string[];
}

/** What follows from `[X-Fleet]` and from the dependencies in `[Unit]` for the placement of the unit `name`. */
export function parseRequirements(file: UnitFile, name: string): ParsedRequirements {
  const metadata = readMetadata(
    'MachineMetadata',
    ['X-ConditionMachineMetadata', 'MachineMetadata'].flatMap((o) => fleetValues(file, name, o)),
  );
  const machineIds = readMachineIds(file, name);
  const machineOf = readNames(file, name, fleetSection, ['X-ConditionMachineOf', 'MachineOf']);
  const peers = machineOf.slice(0, mostNames).map(readPeer);
  const isOfPeers = (unit: string): boolean => peers.some((peer) => isPeer(peer, unit));
  // Most units say nothing of it, and a cluster may have many.
  const given = new Set(file.options.map((option) => option.name));
  const { reschedule, ...aboutReschedule } = readReschedule((option) =>
    given.has(option) ? lastFleetValue(file, name, option) : null,
  );
  const isGlobal = isTruthy(lastFleetValue(file, name, 'Global'));
  const machineId = machineIds[0] ?? null;
  const fleetConflicts = readNames(file, name, fleetSection, ['X-Conflicts', 'Conflicts']);
  const unitConflicts = readNames(file, name, 'Unit', ['Conflicts']);
  const partition = readOnPartition(lastFleetValue(file, name, 'OnPartition'), name);
  const isFixed = isGlobal || machineId !== null;
  const { preferences, ...aboutPreferences } = readPreferences(file, name, isFixed);
  const resources = readResources(file, name);
  const requirements: Requirements = {
    machineId,
    metadata: metadata.metadata,
    metadataTests: metadata.metadataTests,
    machineOf,
    conflicts: unique([
      ...fleetConflicts,
      ...unitConflicts.filter((unit) => !isOfPeers(unit)).map(escapeGlob),
    ]),
    replaces: readNames(file, name, fleetSection, ['Replaces']),
    isGlobal,
    reschedule: isFixed ? null : reschedule,
    onPartition: partition.onPartition,
    preferences,
    resources: resources.resources,
  };
  return {
    requirements,
    problems: [
      ...contradictions({ ...requirements, conflicts: fleetConflicts }),
      ...metadata.problems,
      ...tooManyNames(requirements),
      ...aboutReschedule.problems,
      ...partition.problems,
      ...aboutPreferences.problems,
      ...resources.problems,
      ...(machineOf.includes(name) ? [`MachineOf=${name} names the unit itself`] : []),
    ],
    disregarded: resources.problems,
    warnings: [
      ...unknownFleetOptions(file),
      ...doubtfulMachineIds(machineIds, name),
      ...doubtfulGlobal(lastFleetValue(file, name, 'Global')),
      ...metadata.warnings,
      ...aboutReschedule.warnings,
      ...(reschedule === null ? [] : idleReschedule(requirements)),
      ...doubtfulNames(requirements, name),
      ...malformedGlobs(requirements),
      ...selfReplacements(requirements, name),
      ...partition.warnings,
      ...aboutPreferences.warnings,
      ...resources.warnings,
      ...unitConflicts.filter(isOfPeers).map(contestedPeer),
      ...(requirements.isGlobal ? [] : looseDependencies(file, name, isOfPeers)),
    ],
  };
}

const fleetOptions = [
  'MachineID',
  'MachineOf',
  'MachineMetadata',
  'Conflicts',
  'Replaces',
  'Global',
  ...rescheduleOptions,
  'OnPartition',
  ...preferenceOptions,
  ...resourceOptions,
] as const;

const legacyOptions: readonly string[] = [
  'X-ConditionMachineID',
  'X-ConditionMachineBootID',
  'X-ConditionMachineOf',
  'X-ConditionMachineMetadata',
  'X-Conflicts',
];

// ------------------------------------------------------------------------------------- reading

/** The modern spelling wins over the older ones; the first value wins. */
function readMachineIds(file: UnitFile, name: string): string[] {
  for (const option of ['MachineID', 'X-ConditionMachineID', 'X-ConditionMachineBootID']) {
    const values = fleetValues(file, name, option);
    if (values.length > 0) return unique(values);
  }
  return [];
}

function isTruthy(value: string | null): boolean {
  return value !== null && /^(?:true|yes|1|on|t)$/i.test(value);
}

// ------------------------------------------------------------------------------------- problems

/** In fleet's order, so that the first is what fleet said. */
function contradictions(required: Requirements): string[] {
  const { machineId, conflicts, replaces, isGlobal } = required;
  // More are refused anyway.
  const machineOf = required.machineOf.slice(0, mostNames);
  const problems: string[] = [];
  for (const [kind, patterns] of [
    ['conflict', conflicts],
    ['replace', replaces],
  ] as const) {
    const globs = patterns.slice(0, mostNames).map(compileGlob);
    for (const peer of machineOf) {
      for (const glob of globs) {
        if (!glob.matches(peer)) continue;
        const clash = `peer ${JSON.stringify(peer)} matches ${kind} ${JSON.stringify(glob.pattern)}`;
        problems.push(`unresolvable requirements: ${clash}`);
      }
    }
  }
  const has = {
    MachineID: machineId !== null,
    Global: isGlobal,
    Conflicts: conflicts.length > 0,
    Peers: machineOf.length > 0,
    Replaces: replaces.length > 0,
  };
  for (const [one, other] of exclusive) {
    if (has[one] && has[other]) problems.push(`${one} cannot be used with ${other}`);
  }
  return problems;
}

/** Names are compared with patterns, one by one, for each unit and each machine. */
const mostNames = 256;

function tooManyNames({ machineOf, conflicts, replaces }: Requirements): string[] {
  const lists = { MachineOf: machineOf, Conflicts: conflicts, Replaces: replaces };
  return Object.entries(lists)
    .filter(([, names]) => names.length > mostNames)
    .map(([option, names]) => `${option} names ${names.length} units; the most is ${mostNames}`);
}

/** In fleet's words, where `Peers` are what MachineOf names. */
const exclusive = [
  ['MachineID', 'Peers'],
  ['MachineID', 'Conflicts'],
  ['MachineID', 'Global'],
  ['MachineID', 'Replaces'],
  ['Global', 'Peers'],
  ['Global', 'Replaces'],
  ['Conflicts', 'Replaces'],
] as const;

// ------------------------------------------------------------------------------------- warnings

/** A warning for each option of `[X-Fleet]` that has no meaning. */
export function unknownFleetOptions(file: UnitFile): string[] {
  const names = file.options.filter((o) => o.section === fleetSection).map((o) => o.name);
  const unknown = unique(names)
    .filter((option) => !fleetOptions.some((known) => known === option))
    .filter((option) => !legacyOptions.includes(option));
  return firstFew(
    unknown,
    (option) =>
      `${option} in [${fleetSection}] is not known and has no effect; the nearest known option is ${nearest(option, fleetOptions)}`,
  );
}

function doubtfulMachineIds(ids: readonly string[], name: string): string[] {
  const [id, ...others] = ids;
  if (id === undefined || parseUnitName(name).isTemplate) return [];
  const warnings = others.length === 0 ? [] : [`only the first MachineID counts: ${id}`];
  if (!/^[0-9a-f]{8}(?:[0-9a-f]{24})?$/.test(id)) {
    warnings.push(`MachineID=${id} is neither a machine-id (32 hex digits) nor its first 8 digits`);
  }
  return warnings;
}

function doubtfulGlobal(value: string | null): string[] {
  if (value === null || isTruthy(value) || /^(?:false|no|0|off|f)$/i.test(value)) return [];
  return [`Global=${value} is neither yes nor no and counts as no`];
}

function idleReschedule({ isGlobal, machineId }: Requirements): string[] {
  if (isGlobal) return ['Reschedule=on-failure has no effect on a global unit'];
  if (machineId === null) return [];
  return [
    `Reschedule=on-failure has no effect with MachineID=${machineId}, which allows no other machine`,
  ];
}

function doubtfulNames({ machineOf }: Requirements, name: string): string[] {
  if (parseUnitName(name).isTemplate) return [];
  return machineOf
    .filter((peer) => readPeer(peer).type === 'name')
    .filter((peer) => parseUnitName(peer).isTemplate || withDefaultSuffix(peer) !== peer)
    .map((peer) =>
      parseUnitName(peer).isTemplate
        ? `MachineOf=${peer} names a template, which never runs`
        : `MachineOf=${peer} has no type: ${withDefaultSuffix(peer)} may be meant`,
    );
}

function malformedGlobs({ machineOf, conflicts, replaces }: Requirements): string[] {
  const peers = machineOf.filter((peer) => readPeer(peer).type === 'glob');
  return unique([...conflicts, ...replaces, ...peers])
    .filter((pattern) => compileGlob(pattern).isMalformed)
    .map((pattern) => `the pattern ${JSON.stringify(pattern)} is malformed and never matches`);
}

function selfReplacements({ replaces }: Requirements, name: string): string[] {
  return replaces
    .filter((pattern) => compileGlob(pattern).matches(name))
    .map(
      (pattern) =>
        `Replaces=${pattern} matches ${name} itself: among units that replace each other it has no effect`,
    );
}

function contestedPeer(peer: string): string {
  return `${peer} is in MachineOf and in Conflicts of [Unit]: it is placed on the same machine, where systemd lets only one of the two run`;
}

/** What is usually the machine's own, so that nothing needs to be said about it. */
const hostUnits =
  /\.(?:target|slice|mount|automount|device|swap|scope)$|^(?:docker|containerd|podman)\./;

function looseDependencies(
  file: UnitFile,
  name: string,
  isOfPeers: (unit: string) => boolean,
): string[] {
  return ['Requires', 'BindsTo'].flatMap((option) => {
    const loose = readNames(file, name, 'Unit', [option])
      .filter((unit) => !isOfPeers(unit) && unit !== name)
      .filter((unit) => !hostUnits.test(unit) && reservedNameProblem(unit) === null);
    return firstFew(
      loose,
      (unit) =>
        `${option}=${unit} without MachineOf=${unit}: if it is a unit of the cluster it may be on another machine`,
    );
  });
}
