import type { Command } from 'commander';
import { complainOfConflicts } from '../change-units.ts';
import type { Context } from '../context.ts';
import { openReporter, withReportOption } from '../report-option.ts';
import type { ReportOptions } from '../report-option.ts';
import { submitUnits } from '../submit-units.ts';

interface Options extends ReportOptions {
  readonly replace?: boolean;
}

export function addSubmit(program: Command, context: Context): void {
  withReportOption(program.command('submit'))
    .description('store unit files in the cluster without starting them')
    .argument('<unit...>', 'unit files, or directories of them')
    .option('--replace', 'overwrite other content that the cluster has under the name')
    .action(async (args: string[], options: Options, command: Command) => {
      const reporter = await openReporter(context, options);
      const { results } = await submitUnits(context, context.connect(command), {
        args,
        replace: options.replace === true,
        desiredState: null,
      });
      for (const unit of results) reporter.stored(unit, { isOnly: true });
      complainOfConflicts(results);
    });
}
