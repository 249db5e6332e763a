import { firstFew } from './first-few.ts';
import { compileGlob, escapeGlob } from './glob.ts';
import { nearest } from './nearest.ts';
import { readOnPartition } from './on-partition.ts';
import type { OnPartition } from './on-partition.ts';
import { readReschedule, rescheduleOptions } from './reschedule-option.ts';
import type { Reschedule } from './reschedule-option.ts';
import { reservedNameProblem } from './reserved-names.ts';
import { optionValues } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';
import { expandSpecifiers, parseUnitName, withDefaultSuffix } from './unit-name.ts';

/** What a unit asks of its place. Specifiers are expanded. */
export interface Requirements {
  /** A machine-id or its first 8 digits; null: any machine. */
  readonly machineId: string | null;
  /** key → allowed values; every key must be satisfied. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  /** Units that must be on the same machine. */
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
}

export interface ParsedRequirements {
  readonly requirements: Requirements;
  /** Reasons to refuse the unit, one sentence each. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What follows from `[X-Fleet]` and from the dependencies in `[Unit]` for the placement of the unit `name`. */
export function parseRequirements(file: UnitFile, name: string): ParsedRequirements {
  const metadata = readMetadata(file, name);
  const machineIds = readMachineIds(file, name);
  const machineOf = readNames(file, name, section, ['X-ConditionMachineOf', 'MachineOf']);
  const peers = new Set(machineOf);
  // Most units say nothing of it, and a cluster may have many.
  const given = new Set(file.options.map((option) => option.name));
  const { reschedule, ...aboutReschedule } = readReschedule((option) =>
    given.has(option) ? lastFleetValue(file, name, option) : null,
  );
  const isGlobal = isTruthy(lastFleetValue(file, name, 'Global'));
  const machineId = machineIds[0] ?? null;
  const fleetConflicts = readNames(file, name, section, ['X-Conflicts', 'Conflicts']);
  const unitConflicts = readNames(file, name, 'Unit', ['Conflicts']);
  const partition = readOnPartition(lastFleetValue(file, name, 'OnPartition'), name);
  const requirements: Requirements = {
    machineId,
    metadata: metadata.allowed,
    machineOf,
    conflicts: unique([
      ...fleetConflicts,
      ...unitConflicts.filter((unit) => !peers.has(unit)).map(escapeGlob),
    ]),
    replaces: readNames(file, name, section, ['Replaces']),
    isGlobal,
    reschedule: isGlobal || machineId !== null ? null : reschedule,
    onPartition: partition.onPartition,
  };
  return {
    requirements,
    problems: [
      ...contradictions({ ...requirements, conflicts: fleetConflicts }),
      ...metadata.problems,
      ...tooManyNames(requirements),
      ...aboutReschedule.problems,
      ...partition.problems,
      ...(peers.has(name) ? [`MachineOf=${name} names the unit itself`] : []),
    ],
    warnings: [
      ...unknownFleetOptions(file),
      ...doubtfulMachineIds(machineIds, name),
      ...doubtfulGlobal(lastFleetValue(file, name, 'Global')),
      ...aboutReschedule.warnings,
      ...(reschedule === null ? [] : idleReschedule(requirements)),
      ...doubtfulNames(requirements, name),
      ...malformedGlobs(requirements),
      ...selfReplacements(requirements, name),
      ...partition.warnings,
      ...unitConflicts.filter((unit) => peers.has(unit)).map(contestedPeer),
      ...(requirements.isGlobal ? [] : looseDependencies(file, name, peers)),
    ],
  };
}

const section = 'X-Fleet';

const fleetOptions = [
  'MachineID',
  'MachineOf',
  'MachineMetadata',
  'Conflicts',
  'Replaces',
  'Global',
  ...rescheduleOptions,
  'OnPartition',
] as const;

const legacyOptions: readonly string[] = [
  'X-ConditionMachineID',
  'X-ConditionMachineBootID',
  'X-ConditionMachineOf',
  'X-ConditionMachineMetadata',
  'X-Conflicts',
];

// ------------------------------------------------------------------------------------- reading

/**
 * The values of an option as fleet sees them: a line that begins and ends with a double quote holds
 * several, separated by blanks; any other line is one. Specifiers are expanded.
 */
function fleetValues(file: UnitFile, name: string, option: string): string[] {
  return optionValues(file, section, option)
    .flatMap((line) => (isQuoted(line) ? splitWords(line) : [line]))
    .map((value) => expandSpecifiers(value, name))
    .filter((value) => value !== '');
}

function lastFleetValue(file: UnitFile, name: string, option: string): string | null {
  return fleetValues(file, name, option).at(-1) ?? null;
}

/** Names or globs. They hold neither blanks nor quotes, so a line may hold several in any form. */
function readNames(
  file: UnitFile,
  name: string,
  inSection: string,
  options: readonly string[],
): string[] {
  return unique(
    options
      .flatMap((option) => optionValues(file, inSection, option))
      .flatMap((line) => line.split(/[\s"]+/))
      .filter((word) => word !== '')
      .map((word) => expandSpecifiers(word, name))
      .filter((word) => word !== ''),
  );
}

/** The modern spelling wins over the older ones; the first value wins. */
function readMachineIds(file: UnitFile, name: string): string[] {
  for (const option of ['MachineID', 'X-ConditionMachineID', 'X-ConditionMachineBootID']) {
    const values = fleetValues(file, name, option);
    if (values.length > 0) return unique(values);
  }
  return [];
}

function readMetadata(
  file: UnitFile,
  name: string,
): { allowed: Map<string, string[]>; problems: string[] } {
  const allowed = new Map<string, Set<string>>();
  const malformed: string[] = [];
  const values = ['X-ConditionMachineMetadata', 'MachineMetadata'].flatMap((option) =>
    fleetValues(file, name, option),
  );
  // A value may hold blanks (`rack=second floor`), so only what is no single pair is split.
  for (const value of values.flatMap(splitPairs)) {
    const pair = readPair(value);
    if (pair === null) {
      malformed.push(value);
      continue;
    }
    const known = allowed.get(pair.key);
    if (known === undefined) allowed.set(pair.key, new Set([pair.value]));
    else known.add(pair.value);
  }
  return {
    allowed: new Map([...allowed].map(([key, of]) => [key, [...of]])),
    problems: firstFew(
      malformed,
      (value) => `MachineMetadata=${JSON.stringify(value)} is not of the form key=value`,
    ),
  };
}

function splitPairs(value: string): string[] {
  const words = readPair(value) === null ? splitWords(value) : [];
  return words.length === 0 ? [value] : words;
}

/** null: not exactly one `=`, nothing on one side of it, or quotes that are still to be taken away. */
function readPair(text: string): { key: string; value: string } | null {
  const [key = '', value = '', ...more] = text.split('=');
  if (text.includes('"')) return null;
  return key === '' || value === '' || more.length > 0 || /\s/.test(key) ? null : { key, value };
}

function isQuoted(line: string): boolean {
  return line.length > 1 && line.startsWith('"') && line.endsWith('"');
}

/** Splits at blanks outside double quotes, which go away. */
function splitWords(text: string): string[] {
  return (text.match(/(?:"[^"]*"?|[^"\s])+/g) ?? [])
    .map((word) => word.replaceAll('"', ''))
    .filter((word) => word !== '');
}

function isTruthy(value: string | null): boolean {
  return value !== null && /^(?:true|yes|1|on|t)$/i.test(value);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
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
  const names = file.options.filter((o) => o.section === section).map((o) => o.name);
  const unknown = unique(names)
    .filter((option) => !fleetOptions.some((known) => known === option))
    .filter((option) => !legacyOptions.includes(option));
  return firstFew(
    unknown,
    (option) =>
      `${option} in [${section}] is not known and has no effect; the nearest known option is ${nearest(option, fleetOptions)}`,
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
    .filter((peer) => parseUnitName(peer).isTemplate || withDefaultSuffix(peer) !== peer)
    .map((peer) =>
      parseUnitName(peer).isTemplate
        ? `MachineOf=${peer} names a template, which never runs`
        : `MachineOf=${peer} has no type: ${withDefaultSuffix(peer)} may be meant`,
    );
}

function malformedGlobs({ conflicts, replaces }: Requirements): string[] {
  return unique([...conflicts, ...replaces])
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

function looseDependencies(file: UnitFile, name: string, peers: ReadonlySet<string>): string[] {
  return ['Requires', 'BindsTo'].flatMap((option) => {
    const loose = readNames(file, name, 'Unit', [option])
      .filter((unit) => !peers.has(unit) && unit !== name)
      .filter((unit) => !hostUnits.test(unit) && reservedNameProblem(unit) === null);
    return firstFew(
      loose,
      (unit) =>
        `${option}=${unit} without MachineOf=${unit}: if it is a unit of the cluster it may be on another machine`,
    );
  });
}
