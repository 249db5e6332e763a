import { compileGlob } from './glob.ts';
import { readMetadata } from './metadata-option.ts';
import type { MetadataTest } from './metadata-test.ts';
import { isMetadataKeyForm } from './metadata-test.ts';
import { fleetSection, fleetValues, lastFleetValue, readNames } from './option-words.ts';
import type { UnitFile } from './unit-file.ts';
import { parseUnitName, templateOf } from './unit-name.ts';

/** What a unit would rather have of the machine it is placed on. It never keeps a unit from a machine. */
export interface Preferences {
  /** Each that a machine does not meet counts against it once. */
  readonly prefer: readonly MetadataTest[];
  /** Each that a machine meets counts against it once. */
  readonly avoid: readonly MetadataTest[];
  /** Globs of units; each unit on the machine that matches counts against it once. */
  readonly avoidUnits: readonly string[];
  /** null: it is not spread. */
  readonly spread: Spread | null;
}

/** Over the values of which metadata key a unit is spread, and with which others. */
export interface Spread {
  readonly key: string;
  /** Globs of the units that count; empty: the instances of its template. */
  readonly units: readonly string[];
}

export const preferenceOptions = [
  'PreferMetadata',
  'AvoidMetadata',
  'AvoidUnits',
  'Spread',
  'SpreadUnits',
] as const;

export interface ReadPreferences {
  /** null: it has none. */
  readonly preferences: Preferences | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param isFixed - whether the unit has no choice of machine: it is global, or has MachineID= */
export function readPreferences(file: UnitFile, name: string, isFixed: boolean): ReadPreferences {
  const given = preferenceOptions.filter((option) => isGiven(file, option));
  if (given.length === 0) return { preferences: null, problems: [], warnings: [] };
  const [prefer, avoid] = (['PreferMetadata', 'AvoidMetadata'] as const).map((option) =>
    readMetadata(option, fleetValues(file, name, option)),
  );
  const avoidUnits = readNames(file, name, fleetSection, ['AvoidUnits']);
  const spreadUnits = readNames(file, name, fleetSection, ['SpreadUnits']);
  const key = lastFleetValue(file, name, 'Spread');
  const isKey = key !== null && isMetadataKeyForm(key);
  const preferences: Preferences = {
    prefer: testsOf(prefer),
    avoid: testsOf(avoid),
    avoidUnits,
    spread: isKey ? { key, units: spreadUnits } : null,
  };
  const problems = [
    ...(prefer?.problems ?? []),
    ...(avoid?.problems ?? []),
    ...(key === null || isKey ? [] : [`Spread=${key} is not the name of a metadata key`]),
    ...tooMany({ AvoidUnits: avoidUnits, SpreadUnits: spreadUnits }),
  ];
  const warnings = isFixed
    ? given.map((option) => `${option} has no effect on a unit that has no choice of machine`)
    : [
        ...(prefer?.warnings ?? []),
        ...(avoid?.warnings ?? []),
        ...malformed([...avoidUnits, ...spreadUnits]),
        ...idleSpread(name, key, spreadUnits),
      ];
  const isIdle = isFixed || isEmpty(preferences);
  return { preferences: isIdle ? null : preferences, problems, warnings };
}

function isGiven(file: UnitFile, option: string): boolean {
  return file.options.some((o) => o.name === option && o.section === fleetSection);
}

/** Each key of plain pairs is one of them: `disk=ssd` and `disk=nvme` are both as good. */
function testsOf(read: ReturnType<typeof readMetadata> | undefined): MetadataTest[] {
  if (read === undefined) return [];
  const pairs = [...read.metadata].map(([key, values]) => ({ type: 'in' as const, key, values }));
  return [...pairs, ...read.metadataTests];
}

function isEmpty({ prefer, avoid, avoidUnits, spread }: Preferences): boolean {
  return prefer.length + avoid.length + avoidUnits.length === 0 && spread === null;
}

/** Names are compared with patterns, one by one. */
const mostPatterns = 16;

function tooMany(lists: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(lists)
    .filter(([, patterns]) => patterns.length > mostPatterns)
    .map(
      ([option, { length }]) => `${option} names ${length} patterns; the most is ${mostPatterns}`,
    );
}

function malformed(patterns: readonly string[]): string[] {
  return [...new Set(patterns)]
    .filter((pattern) => compileGlob(pattern).isMalformed)
    .map((pattern) => `the pattern ${JSON.stringify(pattern)} is malformed and never matches`);
}

function idleSpread(name: string, key: string | null, units: readonly string[]): string[] {
  if (key === null) {
    return units.length === 0 ? [] : ['SpreadUnits has no effect without Spread=KEY'];
  }
  const isAlone = templateOf(name) === null && !parseUnitName(name).isTemplate;
  if (!isAlone || units.length > 0) return [];
  return [
    `Spread=${key} has no effect: ${name} is no instance of a template, and SpreadUnits names no others`,
  ];
}
