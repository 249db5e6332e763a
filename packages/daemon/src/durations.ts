const unitMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `500ms`, `8s`, `10m` or `1h` in milliseconds; null when the text is not of that form. */
export function parseDuration(text: string): number | null {
  const [, digits = '', unit = ''] = /^(\d{1,9})([a-z]+)$/.exec(text) ?? [];
  const factor = unitMs.get(unit);
  return factor === undefined ? null : Number(digits) * factor;
}
