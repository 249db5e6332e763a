import { ApiError } from '@muster/api/client';
import type { ApiClient, FailuresBody, UnitBody } from '@muster/api/client';
import { parseRequirements, parseUnitFile, parseUnitName, UnitFileSyntaxError } from '@muster/core';
import type { Command } from 'commander';
import { clusterLines } from '../cluster-lines.ts';
import type { Context } from '../context.ts';
import { exitStatus, UnitStatusError } from '../errors.ts';
import { findMachine, machineWords } from '../find-machine.ts';
import { habits } from '../habits.ts';
import { isAway } from '../is-away.ts';
import { knownUnits } from '../known-units.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { selectUnits } from '../select-units.ts';
import type { Terminal } from '../terminal.ts';
import { templateLine } from '../unit-groups.ts';

interface Options extends DataOptions {
  readonly machine?: string;
}

interface Ask {
  readonly args: readonly string[];
  readonly options: Options;
}

export function addStatus(program: Command, context: Context): void {
  program
    .command('status')
    .description('show what systemd says of units, wherever they are; without one: the cluster')
    .argument('[unit...]', 'names of units, or patterns for them')
    .option('--machine <machine>', `ask this machine, whoever has the unit: ${machineWords}`)
    .addOption(dataOption())
    .action((args: string[], options: Options, command: Command) => {
      const client = context.connect(command);
      if (args.length === 0) return showCluster(context, client, options);
      return showUnits(context, client, { args, options });
    });
}

async function showCluster(
  { terminal }: Context,
  client: ApiClient,
  { output }: Options,
): Promise<void> {
  const cluster = await client.cluster().catch(async (error: unknown) => {
    if (error instanceof ApiError && isAway(error)) await showStanding(terminal, client);
    throw error;
  });
  if (output !== 'text') return printData(terminal, output, cluster);
  for (const line of clusterLines(cluster)) terminal.print(line);
}

/** What the musterd that was asked says of itself when it cannot say anything of the cluster. */
async function showStanding(terminal: Terminal, client: ApiClient): Promise<void> {
  const { standing } = await client.version();
  if (standing !== undefined) terminal.complain(standing);
}

/** What the cluster knows of each unit; no machine is asked. */
async function showData(
  context: Context,
  client: ApiClient,
  { args, options: { output } }: Ask,
): Promise<void> {
  const { terminal } = context;
  if (output === 'text') return;
  const { units, missing } = selectUnits(args, await knownUnits(client, args));
  const details = await Promise.all(units.map(({ name }) => client.unit(name)));
  await printData(
    terminal,
    output,
    details.filter((unit) => unit !== null),
  );
  for (const name of missing) terminal.complain(`Unit ${name} does not exist.`);
  if (missing.length > 0) throw new UnitStatusError(unknownStatus(context));
}

/** @throws {UnitStatusError} when not all units are active, or with data: known */
async function showUnits(context: Context, client: ApiClient, ask: Ask): Promise<void> {
  const show = ask.options.output === 'text' ? askMachines : showData;
  try {
    await show(context, client, ask);
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new UnitStatusError(unknownStatus(context), error.message, { cause: error });
  }
}

async function askMachines(
  context: Context,
  client: ApiClient,
  { args, options: { machine } }: Ask,
): Promise<void> {
  const { terminal, programName } = context;
  const place = machine === undefined ? null : await findMachine(client, machine);
  const selection = selectUnits(args, await knownUnits(client, args));
  for (const name of selection.missing) terminal.complain(`Unit ${name} does not exist.`);
  const statuses: number[] = selection.missing.map(() => unknownStatus(context));
  let isFirst = true;
  for (const unit of selection.units) {
    if (parseUnitName(unit.name).isTemplate && programName === 'musterctl') {
      statuses.push(await showGroup(context, client, unit.name));
      continue;
    }
    const places = place === null ? unit.machines.map((each) => each.machine) : [place];
    if (places.length === 0) {
      terminal.complain(`Unit ${unit.name} does not appear to be loaded.`);
      statuses.push(programName === 'fleetctl' ? exitStatus.failed : notActive);
    }
    for (const asked of places) {
      const text = await statusOrComplaint(context, client, { unit, machine: asked });
      statuses.push(text === null ? unknownStatus(context) : unitStatusOf(text));
      if (text === null) continue;
      if (!isFirst) terminal.print('');
      isFirst = false;
      const notes = programName === 'fleetctl' ? [] : await clusterNotes(client, unit.name, asked);
      await terminal.write(Buffer.from(withNotes(text, notes)));
      const status = statuses.at(-1) ?? 0;
      if (status !== 0 && habits[programName].stopsAtFirstStatus) throw new UnitStatusError(status);
    }
  }
  const worst = Math.max(0, ...statuses);
  if (worst !== 0) throw new UnitStatusError(worst);
}

/** The instances of a template in one line. @returns 3 when one that is wanted is not active, else 0 */
async function showGroup(
  { terminal }: Context,
  client: ApiClient,
  template: string,
): Promise<number> {
  const [units, states] = await Promise.all([client.units(), client.statesAfter(0)]);
  const { text, areAllActive } = templateLine(template, units, states);
  terminal.print(text);
  return areAllActive ? 0 : notActive;
}

/** What the cluster knows of a unit, and the machine's systemd does not. */
async function clusterNotes(client: ApiClient, name: string, machine: string): Promise<string[]> {
  const unit = await client.unit(name);
  const state = unit?.states.find((each) => each.machine === machine);
  const flapping = state?.flapping ?? null;
  return [
    ...takenPhrases(unit?.file ?? null, name),
    ...(flapping === null ? [] : [`flapping, restarted ${flapping} times in 10 min`]),
    ...(unit?.failures == null ? [] : [attemptsPhrase(unit.failures)]),
  ];
}

/** What is kept for the unit on its machine, for what it uses there is said beside. */
function takenPhrases(text: string | null, name: string): string[] {
  if (text === null) return [];
  try {
    const { resources } = parseRequirements(parseUnitFile(text), name).requirements;
    const options = (resources?.needs ?? []).map(({ option }) => option);
    return options.length === 0 ? [] : [`its machine keeps for it: ${options.join(', ')}`];
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return [];
    throw error;
  }
}

function attemptsPhrase({ attempts, limit, isExhausted, machines }: FailuresBody): string {
  const of = limit === null ? '' : ` of ${limit}`;
  const where = machines.map((machine) => machine.slice(0, 8)).join(', ');
  const end = isExhausted ? '; it is not tried again by itself' : '';
  return `attempt ${attempts}${of} after it failed on ${where}${end}`;
}

/** Put where systemctl(1) says how the unit is. */
function withNotes(text: string, notes: readonly string[]): string {
  return text.replace(/^( *)Active: .*$/m, (line, indent: string) =>
    [line, ...notes.map((note) => `${indent}Muster: ${note}`)].join('\n'),
  );
}

/** As systemctl(1) and the LSB have them. */
const notActive = 3;
const noSuchUnit = 4;

/** Of a unit that does not exist, or of which nobody can tell; fleetctl failed before it came to systemctl. */
function unknownStatus({ programName }: Context): number {
  return programName === 'fleetctl' ? exitStatus.failed : noSuchUnit;
}

/** A machine that does not answer does not keep the others from being asked; null: it has been said. */
async function statusOrComplaint(
  { terminal }: Context,
  client: ApiClient,
  { unit: { name }, machine }: { readonly unit: UnitBody; readonly machine: string },
): Promise<string | null> {
  try {
    return await client.status(name, machine);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 502) throw error;
    terminal.complain(`Unit ${name}: ${error.message}`);
    return null;
  }
}

/**
 * The exit status that goes with a text of systemctl(1) status: 3 for a unit that is not active, 4
 * for one that systemd does not have.
 */
export function unitStatusOf(text: string): number {
  const active = /^ *Active: (\S+)/m.exec(text)?.[1];
  if (active === undefined || /^ *Loaded: not-found/m.test(text)) return noSuchUnit;
  return ['active', 'reloading', 'refreshing'].includes(active) ? 0 : notActive;
}
