/** In milliseconds. @see systemd.time(7), "Parsing Time Spans" */
const unitMs: ReadonlyMap<string, number> = new Map(
  (
    [
      [['usec', 'us', 'µs', 'μs'], 0.001],
      [['msec', 'ms'], 1],
      [['seconds', 'second', 'sec', 's', ''], 1_000],
      [['minutes', 'minute', 'min', 'm'], 60_000],
      [['hours', 'hour', 'hr', 'h'], 3_600_000],
      [['days', 'day', 'd'], 86_400_000],
      [['weeks', 'week', 'w'], 604_800_000],
      [['months', 'month', 'M'], 2_629_800_000],
      [['years', 'year', 'y'], 31_557_600_000],
    ] as const
  ).flatMap(([names, ms]) => names.map((name) => [name, ms] as const)),
);

/**
 * A time span as systemd writes it, in milliseconds: `90`, `1min 30s`, `1.5h`, or `infinity`
 * (Infinity). A number without a unit counts seconds. null: it is none.
 */
export function parseTimeSpan(text: string): number | null {
  if (text.trim() === 'infinity') return Infinity;
  const part = /\s*(\d+(?:\.\d*)?)\s*([A-Za-zµμ]*)\s*/y;
  let total = 0;
  do {
    const [, amount = '', unit = ''] = part.exec(text) ?? [];
    const ms = unitMs.get(unit);
    if (amount === '' || ms === undefined) return null;
    total += Number(amount) * ms;
  } while (part.lastIndex < text.length);
  return total;
}

/** The same span in the shortest words that systemd reads: `1min 30s`. */
export function formatTimeSpan(ms: number): string {
  if (ms === Infinity) return 'infinity';
  if (ms < 1_000) return ms === 0 ? '0' : `${ms}ms`;
  const words: string[] = [];
  let left = Math.round(ms / 1_000);
  for (const [name, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / seconds);
    if (count > 0) words.push(`${count}${name}`);
    left -= count * seconds;
  }
  return words.join(' ');
}
