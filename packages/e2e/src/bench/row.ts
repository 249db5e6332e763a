/** One line of the table: what was measured, what systemd or Node alone takes, what is aimed at. */
export interface Row {
  readonly what: string;
  /** As shown, with its unit. */
  readonly measured: string;
  /** The floor in the same run; null: there is none. */
  readonly floor: string | null;
  /** measured / floor; null: there is no floor. */
  readonly ratio: number | null;
  /** What it is to be. */
  readonly target: string;
  readonly isMet: boolean;
}

/** The value below which `part` (0 to 1) of the samples lie. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** A table of monospaced text, as README and terminal show it. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    row.measured,
    row.floor ?? '-',
    row.ratio === null ? '-' : row.ratio.toFixed(2),
    row.target,
    row.isMet ? 'met' : 'NOT MET',
  ]);
  const header = ['what', 'muster', 'floor', 'ratio', 'target', ''];
  const lines = [header, ...cells];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`)
    .toSpliced(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
    .join('\n');
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 3 : 2)} s`;
