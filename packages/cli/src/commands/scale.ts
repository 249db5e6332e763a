import path from 'node:path';
import type { ApiClient } from '@muster/api/client';
import { parseUnitName } from '@muster/core';
import type { Command } from 'commander';
import { parseCount, waitLimitMs, withBlockOptions } from '../block-options.ts';
import { complainOfConflicts, sortUnits } from '../change-units.ts';
import { confirm, yesOption } from '../confirm.ts';
import type { ConfirmOptions } from '../confirm.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { habits } from '../habits.ts';
import { planScale } from '../plan-scale.ts';
import type { ScalePlan } from '../plan-scale.ts';
import { planUnits } from '../plan-units.ts';
import { openReporter } from '../report-option.ts';
import { submitUnits } from '../submit-units.ts';
import type { LaunchOptions } from '../submit-units.ts';
import { unitNameOf } from '../unit-sources.ts';
import { waitForUnits } from '../wait-for-units.ts';

interface Options extends LaunchOptions, ConfirmOptions {
  readonly dryRun?: boolean;
}

export function addScale(program: Command, context: Context): void {
  withBlockOptions(program.command('scale'))
    .description('have so many instances of a template')
    .argument('<template>', 'its name, such as web@, or its file')
    .argument('<count>', 'how many; they are numbered from 1', parseCount)
    .addOption(yesOption())
    .option('--dry-run', 'only say what would be started and destroyed, and where it would go')
    .action((template: string, count: number, options: Options, command: Command) =>
      scale(context, command, {
        template,
        count,
        options: { ...command.optsWithGlobals(), ...options },
      }),
    );
}

async function scale(
  context: Context,
  command: Command,
  {
    template,
    count,
    options,
  }: { readonly template: string; readonly count: number; readonly options: Options },
): Promise<void> {
  const name = unitNameOf(template);
  if (!parseUnitName(name).isTemplate) {
    throw new UsageError(`"${template}" is no template: scale takes one such as web@`);
  }
  const client = context.connect(command);
  const plan = planScale(name, count, await client.units());
  // Beside the template's file its instances find it.
  const args = plan.start.map((instance) => path.join(path.dirname(template), instance));
  if (args.length + plan.destroy.length === 0) {
    context.terminal.complain(`${name} has ${count} instances already`);
    return;
  }
  if (options.dryRun === true) {
    const { destroy } = plan;
    return planUnits(context, command, { args, destroy, desiredState: 'launched', options });
  }
  if (plan.destroy.length > 0) {
    const what = plan.destroy.length === 1 ? 'it' : `these ${plan.destroy.length} units`;
    for (const each of plan.destroy) context.terminal.complain(`Unit ${each} is one too many`);
    await confirm(context.terminal, options, `Destroy ${what}?`);
  }
  await carryOut(context, client, { plan, args, options });
}

/** Both are asked for before either is waited for: a new one may need the place of an old one. */
async function carryOut(
  context: Context,
  client: ApiClient,
  {
    plan,
    args,
    options,
  }: { readonly plan: ScalePlan; readonly args: readonly string[]; readonly options: Options },
): Promise<void> {
  const tell = { terminal: context.terminal, reporter: await openReporter(context, options) };
  const limitMs = waitLimitMs(options);
  const started =
    args.length === 0
      ? { revision: 0, results: [] }
      : await submitUnits(context, client, { args, replace: false, desiredState: 'launched' });
  const destroyed =
    plan.destroy.length === 0
      ? { revision: 0, units: [] }
      : await client.destroyUnits(plan.destroy);
  const named = started.results.filter(({ isAside }) => !isAside);
  const up = sortUnits(named, habits[context.programName], () => options.block);
  for (const unit of up.triggered) tell.reporter.triggered(unit, 'start');
  const gone = destroyed.units.map((unit) => ({ ...unit, isGlobal: false }));
  const down = sortUnits(gone, habits[context.programName], () => options.block);
  for (const unit of down.triggered) tell.reporter.triggered(unit, 'destroy');
  await waitForUnits(client, tell, {
    units: down.waited,
    until: 'absent',
    afterRevision: destroyed.revision,
    limitMs,
  });
  await waitForUnits(client, tell, {
    units: up.waited,
    until: 'launched',
    afterRevision: started.revision,
    limitMs,
  });
  complainOfConflicts([...started.results, ...destroyed.units]);
}
