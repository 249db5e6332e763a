import type { ExplanationBody } from '@muster/api/client';
import { groupReasons, groupText, verdicts } from '@muster/core';
import { withLegends } from './legend.ts';
import { formatTable } from './table.ts';
import type { Cell } from './table.ts';

/** So many machines that say the same are still named. */
const mostNamed = 3;
/** Lines of the table, unless all are asked for. */
const mostLines = 20;

export interface LineOptions {
  readonly machineOf: (id: string) => string;
  /** Every machine has a line. */
  readonly full: boolean;
  readonly hasColour: boolean;
}

/** Why a unit is where it is, for people: a sentence, what else is to be known, and what machines say. */
export function explanationLines(
  { unit, status, reason, notes, machines }: ExplanationBody,
  { machineOf, full, hasColour }: LineOptions,
): string[] {
  const is = status === 'template' ? 'a template' : status;
  const said = [`${unit} is ${is}: ${reason}`, ...notes.map((note) => `  note: ${note}`)];
  const rows = verdicts.flatMap((verdict) => {
    const groups = groupReasons(machines.filter((each) => each.verdict === verdict));
    return groups.flatMap((group): Row[] => {
      const { length } = group.items;
      if (length > mostNamed && !full) {
        return [{ cells: [`${length} machines`, verdict, groupText(group)], machines: length }];
      }
      return group.items.map(({ machine, reason: why }) => {
        return { cells: [machineOf(machine), verdict, why], machines: 1 };
      });
    });
  });
  const shown = full ? rows : rows.slice(0, mostLines);
  const left = rows.slice(shown.length).reduce((sum, row) => sum + row.machines, 0);
  const header = ['MACHINE', 'VERDICT', 'REASON'];
  const cells = shown.map((row) => row.cells.map((cell) => withLegends(cell, machineOf)));
  const table = rows.length === 0 ? [] : formatTable(header, cells.map(coloured), hasColour);
  const rest = left === 0 ? [] : [`and ${left} more machines for other reasons; --full shows them`];
  return [...said.map((line) => withLegends(line, machineOf)), ...table, ...rest];
}

interface Row {
  readonly cells: readonly string[];
  readonly machines: number;
}

function coloured([machine = '', verdict = '', reason = '']: readonly string[]): Cell[] {
  return [machine, verdictCell(verdict), reason];
}

function verdictCell(verdict: string): Cell {
  switch (verdict) {
    case 'holds':
    case 'takes':
      return { text: verdict, colour: 'green' };
    case 'absent':
    case 'leaves':
    case 'released':
      return { text: verdict, colour: 'yellow' };
    default:
      return verdict;
  }
}
