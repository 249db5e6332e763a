import type { ApiClient, UnitRequest, WaitTarget } from '@muster/api/client';
import type { Command } from 'commander';
import { waitLimitMs } from './block-options.ts';
import type { BlockOptions } from './block-options.ts';
import type { Context } from './context.ts';
import { OperationError } from './errors.ts';
import { knownUnits } from './known-units.ts';
import { selectUnits } from './select-units.ts';
import type { Terminal } from './terminal.ts';
import { waitForUnits } from './wait-for-units.ts';

export interface ChangePlan {
  readonly verb: 'stop' | 'unload' | 'restart';
  readonly args: readonly string[];
  readonly options: BlockOptions;
  /** What is asked of one unit. */
  readonly request: Omit<UnitRequest, 'name'>;
  readonly until: WaitTarget;
  /** Whether the verb makes sense for a unit that is inactive. */
  readonly takesInactive: boolean;
}

/** What stop, unload and restart do with units that the cluster has. */
export async function changeUnits(
  context: Context,
  command: Command,
  plan: ChangePlan,
): Promise<readonly string[]> {
  const { terminal } = context;
  const client = context.connect(command);
  const { units, problems } = await choose(client, terminal, plan);
  const { revision } =
    units.length === 0
      ? { revision: 0 }
      : await client.writeUnits(units.map((name) => ({ name, ...plan.request })));
  if (plan.options.block) {
    await waitForUnits(client, terminal, {
      units,
      until: plan.until,
      afterRevision: revision,
      limitMs: waitLimitMs(plan.options),
    });
  } else {
    for (const unit of units) terminal.print(`Triggered unit ${unit} ${plan.verb}`);
  }
  if (problems > 0) throw new OperationError(`${problems} of the arguments could not be done`);
  return units;
}

/** Complains of arguments that name nothing in the cluster. @returns how many */
export function complainOfMissing(terminal: Terminal, missing: readonly string[]): number {
  for (const name of missing) terminal.complain(`Unit ${name} does not exist.`);
  return missing.length;
}

async function choose(
  client: ApiClient,
  terminal: Terminal,
  { args, verb, takesInactive }: ChangePlan,
): Promise<{ units: string[]; problems: number }> {
  const selection = selectUnits(args, await knownUnits(client, args));
  let problems = complainOfMissing(terminal, selection.missing);
  const units: string[] = [];
  for (const { name, desiredState } of selection.units) {
    if (takesInactive || desiredState !== 'inactive') units.push(name);
    else if (!selection.matched.has(name)) {
      terminal.complain(`Unable to ${verb} unit ${name} in state inactive`);
      problems += 1;
    }
  }
  return { units, problems };
}
