type Colour = 'green' | 'red' | 'yellow';

/** A cell: its text, with a colour where that helps the eye. */
export type Cell = string | { readonly text: string; readonly colour: Colour };

const codes: Readonly<Record<Colour, number>> = { green: 32, red: 31, yellow: 33 };

/**
 * Pads columns to the same width, two spaces between them and none at the end of a line.
 * @param header - null: no header line
 */
export function formatTable(
  header: readonly string[] | null,
  rows: readonly (readonly Cell[])[],
  hasColour: boolean,
): string[] {
  const all = header === null ? rows : [header, ...rows];
  const widths: number[] = [];
  for (const row of all) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length);
    }
  }
  return all.map((row) => {
    const last = row.length - 1;
    return row
      .map((cell, i) => paintCell(cell, i === last ? 0 : (widths[i] ?? 0), hasColour))
      .join('  ')
      .trimEnd();
  });
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** The text, padded, in its colour. */
export function paintCell(cell: Cell, width: number, hasColour: boolean): string {
  const text = textOf(cell);
  const padding = ' '.repeat(Math.max(0, width - text.length));
  if (typeof cell === 'string' || !hasColour) return text + padding;
  return `\x1b[${codes[cell.colour]}m${text}\x1b[0m${padding}`;
}
