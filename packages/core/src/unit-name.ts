/** Types that fleet accepts in a name. systemd has no unit files of some of them: see checkUnitFile. */
export const unitTypes = [
  'automount',
  'busname',
  'device',
  'mount',
  'path',
  'scope',
  'service',
  'slice',
  'snapshot',
  'socket',
  'swap',
  'target',
  'timer',
] as const;
export type UnitType = (typeof unitTypes)[number];

const templateTypes: readonly string[] = ['path', 'service', 'socket', 'target', 'timer'];

export interface UnitName {
  readonly name: string;
  /** Without the type: `web@1` of `web@1.service`. */
  readonly stem: string;
  /** After the last dot; '' when there is none. */
  readonly type: string;
  /** Before the first `@`, or the stem when there is none. */
  readonly prefix: string;
  /** After the first `@`: '' for a template; null: the name has no `@`. */
  readonly instance: string | null;
  readonly isTemplate: boolean;
}

/** Why this cannot be the name of a unit, as fleet says it; null: it can. */
export function checkUnitName(name: string): string | null {
  if (name === '') return 'unit name cannot be empty';
  const bytes = Buffer.byteLength(name);
  if (bytes > 256) return 'unit name exceeds maximum length (256)';
  if (bytes === 256) return 'unit name exceeds maximum length of systemd (255)';
  const dot = name.lastIndexOf('.');
  if (dot === -1) return 'unit name must contain "."';
  if (dot === name.length - 1) return 'unit name cannot end in "."';
  const type = name.slice(dot + 1);
  if (!isUnitType(type)) return `invalid unit type: ${JSON.stringify(type)}`;
  const stem = name.slice(0, dot);
  if (stem.includes('@') && !templateTypes.includes(type)) {
    return `invalid unit type for template: ${JSON.stringify(type)}`;
  }
  const wrong = /[^0-9a-zA-Z:\-_.\\@]/u.exec(stem);
  if (wrong !== null) return `invalid character '${wrong[0]}' in unit name`;
  if (stem.startsWith('@')) return 'unit name cannot start in "@"';
  if (stem === '') return `unit name has nothing before ".${type}"`;
  return null;
}

/** Takes a name apart, whether it is valid or not. */
export function parseUnitName(name: string): UnitName {
  const dot = name.lastIndexOf('.');
  const stem = dot === -1 ? name : name.slice(0, dot);
  const type = dot === -1 ? '' : name.slice(dot + 1);
  const at = stem.indexOf('@');
  const prefix = at === -1 ? stem : stem.slice(0, at);
  const instance = at === -1 ? null : stem.slice(at + 1);
  return { name, stem, type, prefix, instance, isTemplate: instance === '' };
}

/** The template of an instance: `web@.service` of `web@1.service`; null: the name is no instance. */
export function templateOf(name: string): string | null {
  const { prefix, instance, type } = parseUnitName(name);
  return instance === null || instance === '' ? null : `${prefix}@.${type}`;
}

/** Appends `.service` unless the name ends in a unit type. */
export function withDefaultSuffix(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot !== -1 && isUnitType(name.slice(dot + 1)) ? name : `${name}.service`;
}

/**
 * Replaces `%n` (the name), `%N` (without type), `%p` (prefix), `%i` (instance, or nothing) and
 * `%%`; others stay, and so does `%i` of a template, which has no instance yet. Nothing is unescaped.
 */
export function expandSpecifiers(value: string, name: string): string {
  if (!value.includes('%')) return value;
  const { stem, prefix, instance, isTemplate } = parseUnitName(name);
  const replacements: Readonly<Record<string, string>> = {
    '%n': name,
    '%N': stem,
    '%p': prefix,
    '%i': isTemplate ? '%i' : (instance ?? ''),
    '%%': '%',
  };
  return value.replace(/%[nNpi%]/g, (specifier) => replacements[specifier] ?? specifier);
}

export function isUnitType(type: string): type is UnitType {
  return unitTypes.some((known) => known === type);
}
