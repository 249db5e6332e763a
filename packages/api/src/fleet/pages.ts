import type { PageToken, RowKey } from './page-token.ts';
import { compareKeys, keyOf } from './rows.ts';
import type { Row } from './rows.ts';

export interface Page {
  readonly rows: readonly Row[];
  /** Key of its last row; null: nothing comes after it. */
  readonly next: RowKey | null;
}

/**
 * Cuts the page that a token asks for.
 * @param rows - sorted by key: the listing that earlier pages came from, or any later one
 * @param token - null: the first page. A token with a key goes on right after that key, whether it
 *   is still there or not; fleet's own goes by the number of the page.
 */
export function cutPage(rows: readonly Row[], token: PageToken | null, limit: number): Page {
  const start = startOf(rows, token, limit);
  const page = rows.slice(start, start + limit);
  const last = page.at(-1);
  const isLast = last === undefined || start + limit >= rows.length;
  return { rows: page, next: isLast ? null : keyOf(last) };
}

function startOf(rows: readonly Row[], token: PageToken | null, limit: number): number {
  if (token === null) return 0;
  if (token.continued === null) return (token.page - 1) * limit;
  return firstAfter(rows, token.continued.after);
}

function firstAfter(rows: readonly Row[], key: RowKey): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && compareKeys(keyOf(row), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
