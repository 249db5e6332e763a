import type { UnitBody } from '@muster/api/client';
import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { changeUnits } from '../change-units.ts';
import type { Choice } from '../change-units.ts';
import type { Context } from '../context.ts';
import { findMachines, withMachines } from '../find-machine.ts';

interface RestartOptions extends BlockOptions {
  readonly machine?: readonly string[];
}

export function addRestart(program: Command, context: Context): void {
  withMachines(withBlockOptions(program.command('restart')), 'only there; can be repeated')
    .description('stop and start units where they are')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action(async (args: string[], options: RestartOptions, command: Command) => {
      const { machine } = options;
      const machines =
        machine === undefined ? null : await findMachines(context.connect(command), machine);
      await changeUnits(context, command, {
        verb: 'restart',
        args,
        options: { ...command.optsWithGlobals(), ...options },
        choose: (unit, isMatched) =>
          machines === null ? everywhere(unit) : onMachines(unit, machines, isMatched),
        until: 'launched',
        machines,
      });
    });
}

function everywhere({ desiredState }: UnitBody): Choice {
  return desiredState === 'inactive'
    ? { type: 'inactive' }
    : { type: 'ask', asked: { restart: true } };
}

/** A unit that is named has to be on all of the machines; of a pattern each is restarted where it is. */
function onMachines(unit: UnitBody, machines: readonly string[], isMatched: boolean): Choice {
  const { name, desiredState } = unit;
  if (desiredState === 'inactive') return { type: 'inactive' };
  if (desiredState === 'loaded') {
    const message = `Unable to restart unit ${name} in state loaded on single machines; start runs it wherever it is`;
    return { type: 'refuse', message };
  }
  const holders = new Set(
    unit.machines.filter(({ role }) => role === 'holder').map(({ machine }) => machine),
  );
  const there = machines.filter((id) => holders.has(id));
  if (there.length === machines.length || (isMatched && there.length > 0)) {
    return { type: 'ask', asked: { restart: { machines: there } } };
  }
  const missing = machines.filter((id) => !holders.has(id));
  return { type: 'refuse', message: `Unit ${name} is not on ${missing.join(', ')}` };
}
