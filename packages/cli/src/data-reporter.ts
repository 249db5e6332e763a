import type { UnitResultBody, WaitTarget } from '@muster/api/client';
import type { Terminal } from './terminal.ts';
import type { UnitReporter } from './unit-reporter.ts';

/** What `-o json` prints of a unit, one object a line. */
interface UnitReport {
  readonly unit: string;
  readonly result:
    | Exclude<UnitResultBody['result'], 'conflict'>
    | 'triggered'
    | Exclude<WaitTarget, 'absent'>
    | 'destroyed'
    | 'failed'
    | 'pending'
    | 'missing'
    | 'refused';
  /** Where it is now; absent where that is not known. */
  readonly machines?: readonly { readonly id: string; readonly address: string | null }[];
  /** Where it failed. */
  readonly machine?: string;
  /** One sentence; absent when there is nothing to say. */
  readonly reason?: string;
}

/** @param print - gets a report for each unit as it gets there, and for each that does not */
export function dataReporter(print: (report: UnitReport) => void): UnitReporter {
  return {
    stored: ({ name, result }, { isOnly }) => {
      if (isOnly && result !== 'conflict') print({ unit: name, result });
    },
    triggered: ({ name }) => print({ unit: name, result: 'triggered' }),
    done: ({ unit, machines, note }, until) =>
      print({
        unit,
        result: until === 'absent' ? 'destroyed' : until,
        machines,
        ...(note === null ? {} : { reason: note }),
      }),
    failed: ({ unit, machine, reason }) =>
      print({
        unit,
        result: 'failed',
        ...(machine === null ? {} : { machine }),
        reason,
      }),
    timedOut: (pending) => {
      for (const { unit, why } of pending) print({ unit, result: 'pending', reason: why });
    },
    missing: (name) => print({ unit: name, result: 'missing' }),
    inactive: (name) => print({ unit: name, result: 'refused', reason: 'it is inactive' }),
    refused: (name, message) => print({ unit: name, result: 'refused', reason: message }),
    finished: () => {},
  };
}

/** Names of the units with which all went well; what went wrong is told as text. */
export function nameReporter(terminal: Terminal, text: UnitReporter): UnitReporter {
  const names = dataReporter(({ unit }) => terminal.print(unit));
  return {
    ...text,
    stored: (unit, options) => names.stored(unit, options),
    triggered: (unit, verb) => names.triggered(unit, verb),
    done: (line, until) => names.done(line, until),
    finished: () => {},
  };
}
