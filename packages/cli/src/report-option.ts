import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { dataReporter, nameReporter } from './data-reporter.ts';
import { fleetctlReporter } from './fleetctl-reporter.ts';
import { loadYaml } from './print-data.ts';
import { textReporter } from './text-reporter.ts';
import type { UnitReporter } from './unit-reporter.ts';

export interface ReportOptions {
  readonly output: 'text' | 'json' | 'yaml' | 'name';
  /** Only of verbs that take unit files. */
  readonly replace?: boolean;
}

/** Adds the option of every verb that changes units. */
export function withReportOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to tell of each unit; json: an object a line')
      .choices(['text', 'json', 'yaml', 'name'])
      .default('text'),
  );
}

export async function openReporter(
  { terminal, programName }: Pick<Context, 'terminal' | 'programName'>,
  { output, replace = false }: ReportOptions,
): Promise<UnitReporter> {
  const text =
    programName === 'fleetctl'
      ? fleetctlReporter(terminal, replace)
      : textReporter(terminal, replace);
  switch (output) {
    case 'text':
      return text;
    case 'name':
      return nameReporter(terminal, text);
    case 'json':
      return dataReporter((report) => terminal.print(JSON.stringify(report)));
    case 'yaml': {
      const toYaml = await loadYaml();
      return dataReporter((report) => terminal.print(toYaml([report])));
    }
  }
}
