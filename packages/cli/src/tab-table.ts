/** Width of a tab stop. */
const tabWidth = 8;

/**
 * Lays columns out as fleetctl did: every cell but the last of a line is followed by as many tabs as
 * it takes to the next column, which begins at a tab stop at least one place behind the longest cell.
 * Scripts take such lines apart at runs of tabs.
 * @see Go's text/tabwriter with minwidth 0, tabwidth 8, padding 1 and padchar '\t'
 */
export function formatTabTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.slice(0, -1).entries()) {
      widths[i] = Math.max(widths[i] ?? 0, stops(lengthOf(cell) + 1) * tabWidth);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (i === row.length - 1) return cell;
        return cell + '\t'.repeat(stops((widths[i] ?? 0) - lengthOf(cell)));
      })
      .join(''),
  );
}

/** Tab stops that `width` places need. */
function stops(width: number): number {
  return Math.ceil(width / tabWidth);
}

/** In characters, not in UTF-16 units. */
function lengthOf(cell: string): number {
  return Array.from(cell).length;
}
