import type { ApiClient, UnitsPlannedBody } from '@muster/api/client';
import { refusalsInShort } from '@muster/core';
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { OperationError } from './errors.ts';
import { machineLegends, withLegends } from './legend.ts';
import { loadYaml } from './print-data.ts';
import { sendUnits } from './submit-units.ts';
import type { LaunchOptions } from './submit-units.ts';

type Planned = UnitsPlannedBody['units'][number];
type Other = UnitsPlannedBody['others'][number];

/** What `-o json` prints of a unit, one object a line; of a unit that was not named `leaves` as well. */
interface PlanReport {
  readonly unit: string;
  readonly result: 'launched' | 'loaded' | 'pending' | 'moved' | 'destroyed';
  /** Ids; where it would be, or of a unit that was not named: would come. */
  readonly machines: readonly string[];
  readonly leaves?: readonly string[];
  readonly reason: string;
}

interface PlanRequest {
  readonly args: readonly string[];
  readonly desiredState: 'loaded' | 'launched';
  /** Names of units that would be destroyed; absent: none. */
  readonly destroy?: readonly string[];
  readonly options: LaunchOptions;
}

/**
 * Says where units would go, and which others would have to move for them.
 * @throws {OperationError} when one of them would be nowhere: a start would not end well either
 */
export async function planUnits(
  context: Context,
  command: Command,
  { args, desiredState, destroy = [], options }: PlanRequest,
): Promise<void> {
  const client = context.connect(command);
  const { answer, aside } = await sendUnits(context, client, {
    args,
    replace: options.replace === true,
    desiredState,
    send: (units) => client.planUnits({ units, destroy }),
  });
  const named = answer.units.filter(({ name }) => !aside.has(name));
  const { others } = answer;
  await print(context, client, { named, others, destroy, desiredState, options });
  const nowhere = named.filter(isPending).length;
  if (nowhere > 0) {
    throw new OperationError(`${nowhere} of ${named.length} units would be on no machine`);
  }
}

function isPending({ explanation: { status } }: Planned): boolean {
  return status !== 'placed';
}

async function print(
  { terminal }: Context,
  client: ApiClient,
  {
    named,
    others,
    destroy,
    desiredState,
    options: { output },
  }: {
    readonly named: readonly Planned[];
    readonly others: readonly Other[];
    readonly destroy: readonly string[];
    readonly desiredState: 'loaded' | 'launched';
    readonly options: LaunchOptions;
  },
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    const toYaml = output === 'yaml' ? await loadYaml() : null;
    const reports = [
      ...destroy.map(removalOf),
      ...named.map((each) => reportOf(each, desiredState)),
      ...others.map(moveOf),
    ];
    for (const report of reports) {
      terminal.print(toYaml === null ? JSON.stringify(report) : toYaml([report]));
    }
    return;
  }
  for (const name of destroy) {
    terminal.print(output === 'name' ? name : `Unit ${name} would be destroyed`);
  }
  const machines = await client.machines();
  const machineOf = machineLegends(machines, false);
  for (const each of named) {
    const text = withLegends(textOf(each, machineOf), machineOf);
    if (isPending(each)) terminal.complain(text);
    else terminal.print(output === 'name' ? each.name : text);
  }
  if (output === 'name') return;
  for (const each of others) terminal.print(withLegends(otherText(each, machineOf), machineOf));
}

function textOf({ name, explanation }: Planned, machineOf: (id: string) => string): string {
  const { status, reason, machines } = explanation;
  if (status !== 'placed') {
    const said = refusalsInShort(machines.filter(({ verdict }) => verdict === 'refuses'));
    return `Unit ${name} would be on no machine: ${reason}${said === '' ? '' : `: ${said}`}`;
  }
  const taken = machines.filter(({ verdict }) => verdict === 'takes');
  const [first, ...others] = taken.length === 0 ? machines : taken;
  if (first === undefined) return `Unit ${name} would be on no machine: ${reason}`;
  const where = others.length === 0 ? machineOf(first.machine) : `${others.length + 1} machines`;
  if (taken.length === 0) return `Unit ${name} would stay on ${where}`;
  return `Unit ${name} would go to ${where}: ${first.reason}`;
}

/** Of a unit that nobody named. */
function otherText(
  { unit, leaves, takes, reason }: Other,
  machineOf: (id: string) => string,
): string {
  const list = (ids: readonly string[]): string => ids.map(machineOf).join(', ');
  const left = leaves.length === 0 ? '' : ` leave ${list(leaves)}`;
  if (takes.length === 0) return `Unit ${unit} would${left}: ${reason}`;
  const gone = left === '' ? ' go to' : `${left} for`;
  return `Unit ${unit} would${gone} ${list(takes)}: ${reason}`;
}

function reportOf({ name, explanation }: Planned, desiredState: 'loaded' | 'launched'): PlanReport {
  const { status, reason, machines } = explanation;
  if (status !== 'placed') {
    const said = refusalsInShort(machines.filter(({ verdict }) => verdict === 'refuses'));
    const why = said === '' ? reason : `${reason}: ${said}`;
    return { unit: name, result: 'pending', machines: [], reason: why };
  }
  const ids = machines.map(({ machine }) => machine);
  return { unit: name, result: desiredState, machines: ids, reason };
}

function moveOf({ unit, leaves, takes, reason }: Other): PlanReport {
  return { unit, result: 'moved', machines: takes, leaves, reason };
}

function removalOf(unit: string): PlanReport {
  return { unit, result: 'destroyed', machines: [], reason: 'it is one too many' };
}
