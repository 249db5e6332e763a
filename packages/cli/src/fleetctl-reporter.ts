import type { Terminal } from './terminal.ts';
import { textReporter } from './text-reporter.ts';
import type { UnitReporter } from './unit-reporter.ts';

/**
 * The lines of fleetctl on the streams it used. What went wrong has its reason after fleet's words.
 * @param replaces - whether --replace was given
 */
export function fleetctlReporter(terminal: Terminal, replaces: boolean): UnitReporter {
  return {
    ...textReporter(terminal, replaces),
    stored: ({ name, result, isNewContent }, { isOnly }) => {
      if (result === 'conflict') return;
      // Whatever a unit becomes, fleet put its content there first.
      if (result === 'created' || (isOnly && isNewContent)) terminal.print(`Unit ${name} inactive`);
      else if (replaces && !isNewContent) {
        terminal.print(`Found same Unit(${name}) in Registry, nothing to do`);
      }
    },
    triggered: ({ name, isGlobal }, verb) => {
      // What is destroyed is gone from the registry, which is all that fleet looked at.
      if (verb === 'destroy') terminal.print(`Destroyed ${name}`);
      else terminal.print(`Triggered ${isGlobal ? 'global ' : ''}unit ${name} ${verb}`);
    },
    failed: ({ unit, reason }, until) => {
      terminal.complain(
        `Error waiting for units: unit ${unit} did not report state ${until}: ${reason}`,
      );
    },
    timedOut: (pending, until) => {
      for (const { unit, why } of pending) {
        terminal.complain(
          `Error waiting for units: timed out waiting for unit ${unit} to report state ${until}: ${why}`,
        );
      }
    },
    missing: () => {},
  };
}
