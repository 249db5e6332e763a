import { ApiError } from '@muster/api/client';
import type {
  AbsentMachineBody,
  ApiClient,
  MachineBody,
  MachinesBody,
  MachineUseBody,
} from '@muster/api/client';
import { formatBytes } from '@muster/core';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { collect } from '../find-machine.ts';
import { statesOf, withStates } from '../list-filters.ts';
import type { FilterOptions } from '../list-filters.ts';
import { chooseColumns, printList, withListOptions } from '../list.ts';
import type { Columns, ListOptions } from '../list.ts';

interface Options extends ListOptions, FilterOptions {
  readonly metadata?: readonly string[];
}

export function addListMachines(program: Command, context: Context): void {
  withStates(withListOptions(program.command('list-machines'), fields), states.join(' or '))
    .description('list the machines of the cluster')
    .option('--metadata <key=value>', 'only machines that have it; can be repeated', collect)
    .action(async (options: Options, command: Command) => {
      const shown = chooseColumns(columnsFor(options), options, context.programName);
      const wanted = statesOf(options, states);
      const metadata = readPairs(options.metadata ?? []);
      const client = context.connect(command);
      const all = await client.allMachines();
      const isTable = options.output === 'table' || options.output === 'wide';
      const showsAbsent =
        wanted === null ? isTable && context.programName === 'musterctl' : wanted.has('absent');
      const chosen = rowsOf(all, showsAbsent).filter(
        (machine) =>
          (wanted === null || wanted.has(stateOf(machine))) && hasPairs(machine, metadata),
      );
      const isAsked = isTable && shown.some((column) => column.startsWith('used-'));
      const uses = isAsked ? await usesOf(client, chosen.filter(isThere)) : new Map();
      const columns = withAbsent(columnsFor(options, uses), chosen);
      await printList(context, columns, options, chosen);
    });
}

/** What is known of a machine; of one that is not there little is. */
type Row = MachineBody | AbsentMachineBody;

function rowsOf({ machines, absent }: MachinesBody, showsAbsent: boolean): Row[] {
  return showsAbsent
    ? [...machines, ...absent].sort((a, b) => (a.id < b.id ? -1 : 1))
    : [...machines];
}

type Uses = ReadonlyMap<string, MachineUseBody>;

const askedAtOnce = 16;

/** What the machines themselves say; one that does not answer is left out. */
async function usesOf(client: ApiClient, machines: readonly MachineBody[]): Promise<Uses> {
  const uses = new Map<string, MachineUseBody>();
  const left = machines.values();
  const ask = async (): Promise<void> => {
    for (const { id } of left) {
      try {
        uses.set(id, await client.machineUse(id));
      } catch (error) {
        // It has no listener, has just gone, or is older and cannot say.
        if (!(error instanceof ApiError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, ask));
  return uses;
}

/** A table with machines that are not there says so. */
function withAbsent(columns: Columns<Row>, rows: readonly Row[]): Columns<Row> {
  const isNeeded = rows.some((machine) => stateOf(machine) === 'absent');
  return isNeeded ? { ...columns, normal: [...columns.normal, 'state'] } : columns;
}

function isThere(machine: Row): machine is MachineBody {
  return 'hostname' in machine;
}

const fields = Object.keys(columnsFor({ output: 'table', legend: true }).cells);

const states = ['present', 'away', 'absent'] as const;

function stateOf(machine: Row): (typeof states)[number] {
  if (!isThere(machine)) return 'absent';
  return machine.awaySince === null ? 'present' : 'away';
}

const colours = { present: 'green', away: 'yellow', absent: 'red' } as const;

/** key → values, of which one is enough, as with MachineMetadata= */
function readPairs(pairs: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const values = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UsageError(`--metadata "${pair}" must be of the form key=value`);
    const key = pair.slice(0, equals);
    values.set(key, (values.get(key) ?? new Set()).add(pair.slice(equals + 1)));
  }
  return values;
}

function hasPairs(machine: Row, wanted: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const metadata = isThere(machine) ? machine.metadata : {};
  return [...wanted].every(([key, values]) => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return value !== undefined && values.has(value);
  });
}

function columnsFor({ full }: ListOptions, uses: Uses = new Map()): Columns<Row> {
  const ifThere =
    (show: (machine: MachineBody) => string) =>
    (machine: Row): string =>
      isThere(machine) ? show(machine) : '-';
  return {
    cells: {
      machine: ({ id }) => (full === true ? id : `${id.slice(0, 8)}...`),
      ip: ifThere(({ address }) => address ?? '-'),
      metadata: ifThere(({ metadata }) => metadataText(metadata)),
      hostname: ifThere(({ hostname }) => hostname),
      state: (machine) => {
        const text = stateOf(machine);
        return { text, colour: colours[text] };
      },
      units: ({ units }) => String(units),
      cpus: ifThere(({ capacity }) => String(capacity.cpus)),
      'promised-cpus': ifThere(({ promised }) => cpusText(promised.cpus)),
      'used-cpus': ifThere(({ id }) => cpusText(uses.get(id)?.cpus)),
      memory: ifThere(({ capacity }) => `${(capacity.memoryBytes / 1024 ** 3).toFixed(1)}G`),
      'promised-memory': ifThere(({ promised }) => bytesText(promised.memoryBytes)),
      'used-memory': ifThere(({ id }) => bytesText(uses.get(id)?.memoryBytes)),
      disk: ifThere(({ capacity }) => bytesText(capacity.diskBytes)),
      'promised-disk': ifThere(({ promised }) => bytesText(promised.diskBytes)),
      'used-tasks': ifThere(({ id }) => String(uses.get(id)?.tasks ?? '-')),
      version: ifThere(({ version }) => version),
    },
    normal: ['machine', 'ip', 'metadata'],
    wide: [
      'machine',
      'ip',
      'hostname',
      'state',
      'units',
      'cpus',
      'promised-cpus',
      'used-cpus',
      'memory',
      'promised-memory',
      'used-memory',
      'version',
      'metadata',
    ],
    nameOf: ({ id }) => id,
  };
}

/** @param cpus - null or undefined: nobody knows */
function cpusText(cpus: number | null | undefined): string {
  return cpus == null ? '-' : String(Math.round(cpus * 100) / 100);
}

function bytesText(bytes: number | null | undefined): string {
  return bytes == null ? '-' : formatBytes(bytes);
}

/** `key=value`, sorted by key. */
function metadataText(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? '-' : pairs.map(([key, value]) => `${key}=${value}`).join(',');
}
