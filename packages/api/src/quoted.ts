const shownLength = 200;

/** The beginning of a text that a caller sent, as he is shown it again. */
export function shown(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength - 3)}...` : text;
}

/** The same for any part of a body, as JSON. */
export function quoted(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shown(value));
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'a list' : 'an object';
  }
  return String(value);
}
