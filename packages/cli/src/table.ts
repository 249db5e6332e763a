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
  // A list can have tens of thousands of rows: iterators and arrays of parts would be half of what it takes.
  for (const row of all) {
    for (let i = 0; i < row.length; i += 1) {
      widths[i] = Math.max(widths[i] ?? 0, textOf(row[i] ?? '').length);
    }
  }
  return all.map((row) => {
    let line = '';
    for (let i = 0; i < row.length; i += 1) {
      const isLast = i === row.length - 1;
      line += paintCell(row[i] ?? '', isLast ? 0 : (widths[i] ?? 0), hasColour);
      if (!isLast) line += '  ';
    }
    return line.endsWith(' ') ? line.trimEnd() : line;
  });
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** The text, padded, in its colour. */
export function paintCell(cell: Cell, width: number, hasColour: boolean): string {
  const text = textOf(cell);
  if (typeof cell === 'string' || !hasColour) return text.padEnd(width);
  const padding = ' '.repeat(Math.max(0, width - text.length));
  return `\x1b[${codes[cell.colour]}m${text}\x1b[0m${padding}`;
}
