import type { UnitResultBody, WaitLine, WaitTarget } from '@muster/api/client';
import { machineLegend } from './legend.ts';
import type { Terminal } from './terminal.ts';
import type { ChangeVerb, UnitReporter } from './unit-reporter.ts';

/** Verbs that have a last word. */
const doneWords: Readonly<Partial<Record<ChangeVerb, string>>> = {
  stop: 'stopped',
  unload: 'unloaded',
};

/** Of many units that did not get there, so many are named. */
const maxNamed = 20;

/** A line for each unit. @param replaces - whether --replace was given */
export function textReporter(terminal: Terminal, replaces: boolean): UnitReporter {
  return {
    stored: (unit, { isOnly }) => {
      const { name, result, isNewContent } = unit;
      if (result === 'conflict') return;
      if (isOnly) terminal.print(`Unit ${name} ${storedText(unit)}`);
      else if (replaces && result !== 'created' && !isNewContent) {
        terminal.print(`Unit ${name} has this content already`);
      }
    },
    triggered: ({ name }, verb) => terminal.print(`Triggered unit ${name} ${verb}`),
    done: (line, until) => terminal.print(doneText(line, until)),
    failed: ({ unit, machine, reason }, until) => {
      const where = machine === null ? '' : ` on ${machineLegend(machine, null, false)}`;
      terminal.complain(`Unit ${unit} did not become ${until}${where}: ${reason}`);
    },
    timedOut: (pending, until) => {
      for (const { unit, why } of pending.slice(0, maxNamed)) {
        terminal.complain(`timed out waiting for unit ${unit} to report state ${until}: ${why}`);
      }
      if (pending.length > maxNamed) {
        terminal.complain(`and for ${pending.length - maxNamed} more`);
      }
    },
    missing: (name) => terminal.complain(`Unit ${name} does not exist.`),
    inactive: (name, verb) => terminal.complain(`Unable to ${verb} unit ${name} in state inactive`),
    refused: (_, message) => terminal.complain(message),
    finished: (units, verb) => {
      const done = doneWords[verb];
      if (done === undefined) return;
      terminal.complain(`Successfully ${done} units [${units.join(' ')}].`);
    },
  };
}

function storedText({ result, desiredState }: UnitResultBody): string {
  if (result === 'created') return 'inactive';
  if (result === 'unchanged') return 'unchanged';
  return desiredState === 'launched'
    ? 'replaced; it is launched, and restarted with the new content'
    : 'replaced';
}

/** `Unit web@1.service launched on 1234abcd.../10.0.0.1` */
function doneText(
  { unit, machines, note }: Extract<WaitLine, { type: 'done' }>,
  until: WaitTarget,
): string {
  if (until === 'absent') return `Destroyed ${unit}`;
  const [first, ...others] = machines;
  const remark = note === null ? '' : ` (${note})`;
  if (first === undefined) return `Unit ${unit} ${until}${remark}`;
  const where =
    others.length > 0
      ? `${machines.length} machines`
      : machineLegend(first.id, first.address, false);
  return `Unit ${unit} ${until} on ${where}${remark}`;
}
