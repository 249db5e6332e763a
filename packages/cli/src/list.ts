import type { Command } from 'commander';
import { Option } from 'commander';
import type { Context } from './context.ts';
import { OperationError, UsageError } from './errors.ts';
import { printData } from './print-data.ts';
import type { ProgramName } from './program-name.ts';
import { formatTabTable } from './tab-table.ts';
import { formatTable } from './table.ts';
import type { Cell } from './table.ts';

type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

export interface ListOptions {
  readonly output: OutputFormat;
  /** false: no header. */
  readonly legend: boolean;
  /** Nothing is shortened. */
  readonly full?: boolean;
  /** Comma-separated; absent: the columns of the format. */
  readonly fields?: string;
}

/** What a list can show of one item; column names are what --fields takes. */
export interface Columns<T> {
  readonly cells: Readonly<Record<string, (item: T) => Cell>>;
  readonly normal: readonly string[];
  readonly wide: readonly string[];
  readonly nameOf: (item: T) => string;
}

/** --fields, which knows the columns that there are. */
export class FieldsOption extends Option {
  readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    super('--fields <names>', 'columns of the table, separated by commas');
    this.fields = fields;
  }
}

/** Adds the options of every list. @param fields - the columns it can show */
export function withListOptions(command: Command, fields: readonly string[]): Command {
  return command
    .addOption(
      new Option('-o, --output <format>', 'how to show the list')
        .choices(['table', 'wide', 'json', 'yaml', 'name'])
        .default('table'),
    )
    .addOption(new FieldsOption(fields))
    .option('-l, --full', 'do not shorten machine ids and hashes')
    .option('--no-legend', 'leave the header away');
}

/**
 * Which columns a table gets.
 * @throws {UsageError} for a name that is none; fleetctl called that a failure
 */
export function chooseColumns<T>(
  columns: Columns<T>,
  options: ListOptions,
  programName: ProgramName,
): readonly string[] {
  if (options.fields === undefined) {
    return options.output === 'wide' ? columns.wide : columns.normal;
  }
  const chosen = options.fields.split(',');
  const odd = chosen.find((name) => !Object.hasOwn(columns.cells, name));
  if (odd === undefined) return chosen;
  if (programName === 'fleetctl') {
    throw new OperationError(
      options.fields === ''
        ? 'Must define output format'
        : `Invalid key in output format: ${JSON.stringify(odd)}`,
    );
  }
  const known = Object.keys(columns.cells).sort().join(', ');
  throw new UsageError(`unknown field "${odd}" in --fields; known are ${known}`);
}

/** @param items - json and yaml show them as they are */
export async function printList<T>(
  { terminal, programName }: Pick<Context, 'terminal' | 'programName'>,
  columns: Columns<T>,
  options: ListOptions,
  items: readonly T[],
): Promise<void> {
  switch (options.output) {
    case 'json':
    case 'yaml':
      return printData(terminal, options.output, items);
    case 'name': {
      const names = [...new Set(items.map(columns.nameOf))];
      if (names.length > 0) terminal.print(names.join('\n'));
      return;
    }
    case 'table':
    case 'wide': {
      const { header, rows } = tableLines({ terminal, programName }, columns, options, items);
      const lines = [...header, ...rows];
      if (lines.length > 0) terminal.print(lines.join('\n'));
    }
  }
}

/** The lines of the table; of the header one, or none. */
export function tableLines<T>(
  { terminal, programName }: Pick<Context, 'terminal' | 'programName'>,
  columns: Columns<T>,
  options: ListOptions,
  items: readonly T[],
): { header: readonly string[]; rows: readonly string[] } {
  const chosen = chooseColumns(columns, options, programName);
  const cells = chosen.flatMap((name) => columns.cells[name] ?? []);
  const rows = items.map((item) => cells.map((cell) => cell(item)));
  const header = options.legend ? chosen.map((name) => name.toUpperCase()) : null;
  const lines =
    programName === 'fleetctl'
      ? formatTabTable([...(header === null ? [] : [header]), ...rows.map(plainRow)])
      : formatTable(header, rows, terminal.hasColour);
  const headerLines = header === null ? 0 : 1;
  return { header: lines.slice(0, headerLines), rows: lines.slice(headerLines) };
}

function plainRow(row: readonly Cell[]): string[] {
  return row.map((cell) => (typeof cell === 'string' ? cell : cell.text));
}
