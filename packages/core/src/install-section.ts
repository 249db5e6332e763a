import { firstFew } from './first-few.ts';
import { nearest } from './nearest.ts';
import { reservedNameProblem } from './reserved-names.ts';
import { optionValues } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';
import { checkUnitName, parseUnitName } from './unit-name.ts';

/** A symbolic link that makes systemd see what `[Install]` asks for. */
export interface InstallLink {
  /** Below the directory that has the unit file: `multi-user.target.wants/web.service`. */
  readonly path: string;
  /** What the link holds: `../web.service`. */
  readonly target: string;
  /** The other name of the unit, for a link that is one; null: a link in a directory of another unit. */
  readonly alias: string | null;
}

export interface InstallSection {
  /** Sorted by path; without those that a machine, or the instance of a template, has to be known for. */
  readonly links: readonly InstallLink[];
  /** Reasons to refuse the unit, one sentence each. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What the specifiers `%H`, `%l` and `%m` stand for. */
export interface MachineNames {
  readonly hostname: string;
  readonly machineId: string;
}

/**
 * What `[Install]` asks for the unit `name`: `WantedBy=`, `RequiredBy=` and `Alias=`, with the
 * specifiers `%n %N %p %i %j %H %l %m %%`.
 * @param machine - null: not known, as when the file is only checked
 * @see systemd.unit(5), "[Install] Section Options"
 */
export function readInstallSection(
  file: UnitFile,
  name: string,
  machine: MachineNames | null,
): InstallSection {
  const links = new Map<string, InstallLink>();
  const problems: string[] = [];
  const unsupported: string[] = [];
  for (const option of ['Alias', 'WantedBy', 'RequiredBy'] as const) {
    const all = words(file, option);
    if (all.length > mostWords) {
      problems.push(
        `${option} in [${section}] names ${all.length} units; the most is ${mostWords}`,
      );
    }
    for (const word of all.slice(0, mostWords)) {
      const expanded = expand(word, name, machine);
      if (expanded.type === 'unsupported') {
        unsupported.push(`${option}=${word} has no effect: ${expanded.specifier} is not supported`);
      } else if (expanded.type === 'known') {
        const link = linkFor(option, expanded.text, name);
        if (typeof link === 'string') problems.push(`${option}=${expanded.text}: ${link}`);
        else if (link !== null) links.set(link.path, link);
      }
    }
  }
  const sorted = [...links.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { links: sorted, problems, warnings: [...otherOptions(file), ...unsupported] };
}

const section = 'Install';
/** Each is a link on a disk. */
const mostWords = 256;
const known = ['Alias', 'WantedBy', 'RequiredBy', 'Also', 'DefaultInstance'] as const;
type LinkOption = 'Alias' | 'WantedBy' | 'RequiredBy';

function words(file: UnitFile, option: string): string[] {
  return optionValues(file, section, option)
    .flatMap((line) => line.split(/[\s"']+/))
    .filter((word) => word !== '');
}

function otherOptions(file: UnitFile): string[] {
  const unknown = new Set(
    file.options
      .filter((option) => option.section === section && !known.some((k) => k === option.name))
      .map((option) => option.name),
  );
  return [
    ...firstFew(
      words(file, 'Also'),
      (unit) => `Also=${unit} has no effect: muster enables no other unit`,
    ),
    ...firstFew(
      words(file, 'DefaultInstance'),
      (instance) => `DefaultInstance=${instance} has no effect: muster runs no template`,
    ),
    ...firstFew(
      [...unknown],
      (option) =>
        `${option} in [${section}] has no effect; the nearest known option is ${nearest(option, known)}`,
    ),
  ];
}

type Expanded =
  | { readonly type: 'known'; readonly text: string }
  | { readonly type: 'unknown' }
  | { readonly type: 'unsupported'; readonly specifier: string };

function expand(word: string, name: string, machine: MachineNames | null): Expanded {
  const { stem, prefix, instance, isTemplate } = parseUnitName(name);
  const specifiers: Readonly<Record<string, string | null>> = {
    '%n': isTemplate ? null : name,
    '%N': isTemplate ? null : stem,
    '%p': prefix,
    '%i': isTemplate ? null : (instance ?? ''),
    '%j': prefix.slice(prefix.lastIndexOf('-') + 1),
    '%%': '%',
    '%H': machine?.hostname ?? null,
    '%l': machine?.hostname.split('.')[0] ?? null,
    '%m': machine?.machineId ?? null,
  };
  let isKnown = true;
  let unsupported: string | null = null;
  const text = word.replace(/%.?/gsu, (specifier) => {
    const value = specifiers[specifier];
    if (value === undefined) unsupported ??= specifier;
    isKnown &&= value !== null;
    return value ?? '';
  });
  if (unsupported !== null) return { type: 'unsupported', specifier: unsupported };
  return isKnown ? { type: 'known', text } : { type: 'unknown' };
}

/** A sentence: there can be no such link. null: none is needed. */
function linkFor(option: LinkOption, given: string, name: string): InstallLink | string | null {
  if (option === 'Alias') return aliasLink(given, name);
  const kind = option === 'WantedBy' ? 'wants' : 'requires';
  return checkUnitName(given) ?? directoryLink(`${given}.${kind}`, name);
}

function directoryLink(directory: string, name: string): InstallLink | string {
  if (Buffer.byteLength(directory) > maxFileNameBytes) return 'the name is too long';
  return { path: `${directory}/${name}`, target: `../${name}`, alias: null };
}

const maxFileNameBytes = 255;

function aliasLink(given: string, name: string): InstallLink | string | null {
  const [directory = '', base, ...more] = given.split('/');
  // The way in which WantedBy= was written before there was one.
  const isOldWay = /\.(?:wants|requires)$/.test(directory) && base === name && more.length === 0;
  if (isOldWay) {
    const unit = directory.slice(0, directory.lastIndexOf('.'));
    return checkUnitName(unit) ?? directoryLink(directory, name);
  }
  const problem = checkUnitName(given);
  if (problem !== null) return problem;
  const own = parseUnitName(name);
  const other = parseUnitName(given);
  if (other.type !== own.type) return `the alias of a .${own.type} unit has to be one, too`;
  if (!typesWithAliases.has(own.type)) return `a .${own.type} unit can have no alias`;
  // As systemd does: the alias of an instance is an instance.
  const alias =
    other.isTemplate && own.instance !== null
      ? `${other.prefix}@${own.instance}.${other.type}`
      : given;
  const { instance } = parseUnitName(alias);
  if (instance !== own.instance)
    return 'an alias has the same instance as its unit, or none as well';
  if (alias === name) return null;
  return reservedNameProblem(alias) ?? { path: alias, target: name, alias };
}

const typesWithAliases: ReadonlySet<string> = new Set([
  'device',
  'path',
  'service',
  'socket',
  'target',
  'timer',
]);
