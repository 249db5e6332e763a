import type { MachineBody } from '@muster/api/client';
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
      const columns = columnsFor(options);
      chooseColumns(columns, options, context.programName);
      const wanted = statesOf(options, states);
      const metadata = readPairs(options.metadata ?? []);
      const machines = await context.connect(command).machines();
      const chosen = machines.filter(
        (machine) =>
          (wanted === null || wanted.has(stateOf(machine))) && hasPairs(machine, metadata),
      );
      await printList(context, columns, options, chosen);
    });
}

const fields = Object.keys(columnsFor({ output: 'table', legend: true }).cells);

const states = ['present', 'away'] as const;

function stateOf({ awaySince }: MachineBody): (typeof states)[number] {
  return awaySince === null ? 'present' : 'away';
}

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

function hasPairs(
  { metadata }: MachineBody,
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  return [...wanted].every(([key, values]) => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return value !== undefined && values.has(value);
  });
}

function columnsFor({ full }: ListOptions): Columns<MachineBody> {
  return {
    cells: {
      machine: ({ id }) => (full === true ? id : `${id.slice(0, 8)}...`),
      ip: ({ address }) => address ?? '-',
      metadata: ({ metadata }) => metadataText(metadata),
      hostname: ({ hostname }) => hostname,
      state: (machine) => {
        const text = stateOf(machine);
        return { text, colour: text === 'present' ? 'green' : 'yellow' };
      },
      units: ({ units }) => String(units),
      cpus: ({ capacity }) => String(capacity.cpus),
      memory: ({ capacity }) => `${(capacity.memoryBytes / 1024 ** 3).toFixed(1)}G`,
      version: ({ version }) => version,
    },
    normal: ['machine', 'ip', 'metadata'],
    wide: ['machine', 'ip', 'hostname', 'state', 'units', 'cpus', 'memory', 'version', 'metadata'],
    nameOf: ({ id }) => id,
  };
}

/** `key=value`, sorted by key. */
function metadataText(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? '-' : pairs.map(([key, value]) => `${key}=${value}`).join(',');
}
