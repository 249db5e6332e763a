import { firstFew } from './first-few.ts';
import { readInstallSection } from './install-section.ts';
import { parseRequirements } from './requirements.ts';
import { lastOption, optionProblem, optionValues, serializeUnitFile } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';
import { parseUnitName } from './unit-name.ts';

/** A whole file must fit into one etcd transaction, with room for what is written beside it. */
const maxFileBytes = 512 * 1024;

export interface UnitFileCheck {
  /** Reasons to refuse the unit, one sentence each. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Everything that can be said about a unit file without knowing cluster or machine. */
export function checkUnitFile(file: UnitFile, name: string): UnitFileCheck {
  const { problems, warnings } = parseRequirements(file, name);
  const install = readInstallSection(file, name, null);
  return {
    // What fleet refused comes first, as fleet said it.
    problems: [
      ...file.options.map(optionProblem).filter((problem) => problem !== null),
      ...problems,
      ...contentProblems(file, name),
      ...install.problems,
    ],
    warnings: [
      ...warnings,
      ...install.warnings,
      ...foreignSections(file, name),
      ...missingSettings(file, name),
    ],
  };
}

function contentProblems(file: UnitFile, name: string): string[] {
  const { type } = parseUnitName(name);
  const problems: string[] = [];
  if (file.options.length === 0) problems.push('the unit file holds no options');
  if (typesWithoutFiles.has(type)) problems.push(`systemd has no unit files of type "${type}"`);
  if (type === 'device') {
    problems.push('systemd starts no .device unit: it makes one itself when the device appears');
  }
  const bytes = Buffer.byteLength(serializeUnitFile(file));
  if (bytes > maxFileBytes) {
    problems.push(`the unit file has ${bytes} bytes; the most is ${maxFileBytes}`);
  }
  return problems;
}

const typesWithoutFiles: ReadonlySet<string> = new Set(['busname', 'scope', 'snapshot']);

/** type → its own section; types that are missing have none */
const typeSections: ReadonlyMap<string, string> = new Map([
  ['automount', 'Automount'],
  ['mount', 'Mount'],
  ['path', 'Path'],
  ['service', 'Service'],
  ['slice', 'Slice'],
  ['socket', 'Socket'],
  ['swap', 'Swap'],
  ['timer', 'Timer'],
]);

function foreignSections(file: UnitFile, name: string): string[] {
  const { type } = parseUnitName(name);
  const own = typeSections.get(type);
  const foreign = [...new Set(file.options.map((option) => option.section))]
    .filter((section) => section !== 'Unit' && section !== 'Install' && section !== own)
    .filter((section) => !section.startsWith('X-'));
  return firstFew(foreign, (section) => `systemd ignores section [${section}] in a .${type} unit`);
}

/** What systemd refuses to load. Overridden by drop-ins on the machine, it may load nevertheless. */
function missingSettings(file: UnitFile, name: string): string[] {
  const { type } = parseUnitName(name);
  const has = (section: string, options: readonly string[]): boolean =>
    options.some((option) => optionValues(file, section, option).length > 0);
  switch (type) {
    case 'service':
      return missingCommand(file);
    case 'socket':
      return has('Socket', listenOptions)
        ? []
        : ['systemd refuses a socket without a Listen… option'];
    case 'timer':
      return has('Timer', timerOptions) ? [] : ['systemd refuses a timer without an On… option'];
    case 'path':
      return has('Path', pathOptions) ? [] : ['systemd refuses a path unit that watches no path'];
    default:
      return [];
  }
}

const listenOptions = [
  'ListenStream',
  'ListenDatagram',
  'ListenSequentialPacket',
  'ListenFIFO',
  'ListenSpecial',
  'ListenNetlink',
  'ListenMessageQueue',
  'ListenUSBFunction',
];

const timerOptions = [
  'OnActiveSec',
  'OnBootSec',
  'OnStartupSec',
  'OnUnitActiveSec',
  'OnUnitInactiveSec',
  'OnCalendar',
  'OnClockChange',
  'OnTimezoneChange',
];

const pathOptions = [
  'PathExists',
  'PathExistsGlob',
  'PathChanged',
  'PathModified',
  'DirectoryNotEmpty',
];

/** Without ExecStart= a service is a oneshot that remains, or one whose whole purpose is SuccessAction=. */
function missingCommand(file: UnitFile): string[] {
  if (optionValues(file, 'Service', 'ExecStart').length > 0) return [];
  const isOneshot = (lastOption(file, 'Service', 'Type') ?? 'oneshot') === 'oneshot';
  const remains = /^(?:1|yes|y|true|t|on)$/i.test(
    lastOption(file, 'Service', 'RemainAfterExit') ?? '',
  );
  const stops = remains && lastOption(file, 'Service', 'ExecStop') !== null;
  const acts = lastOption(file, 'Unit', 'SuccessAction') !== null;
  return isOneshot && (stops || acts) ? [] : ['systemd refuses a service without ExecStart='];
}
