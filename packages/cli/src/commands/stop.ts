import type { UnitBody } from '@muster/api/client';
import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { changeUnits } from '../change-units.ts';
import type { Choice } from '../change-units.ts';
import type { Context } from '../context.ts';
import type { ProgramName } from '../program-name.ts';

export function addStop(program: Command, context: Context): void {
  withBlockOptions(program.command('stop'))
    .description('stop units; they stay loaded on their machines')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action(async (args: string[], options: BlockOptions, command: Command) => {
      await changeUnits(context, command, {
        verb: 'stop',
        args,
        options: { ...command.optsWithGlobals(), ...options },
        choose: (unit) => choose(unit, context.programName),
        until: 'loaded',
      });
    });
}

/** A unit that is wanted but placed nowhere does not run; fleetctl called it inactive. */
function choose({ desiredState, machines }: UnitBody, programName: ProgramName): Choice {
  const isNowhere = machines.length === 0;
  if (desiredState === 'inactive' || (isNowhere && programName === 'fleetctl')) {
    return { type: 'inactive' };
  }
  return { type: 'ask', asked: { desiredState: 'loaded' }, isNowhere };
}
