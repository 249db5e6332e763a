import { UsageError } from './errors.ts';

const maxNames = 100_000;

/**
 * Expands `{1..5}`, `{01..10}` (the width is kept) and `{a,b}` as a shell does, for arguments that
 * came quoted or from a shell that does not.
 */
export function expandRanges(argument: string): string[] {
  let expanded = [argument];
  for (let at = 0; at < expanded.length;) {
    const parts = /^(.*?)\{([^{}]*(?:\.\.|,)[^{}]*)\}(.*)$/s.exec(expanded[at] ?? '');
    const words = parts?.[2] === undefined ? null : braceWords(parts[2]);
    if (parts === null || words === null) {
      at += 1;
      continue;
    }
    const [, before = '', , after = ''] = parts;
    if (expanded.length + words.length > maxNames) {
      throw new UsageError(`"${argument}" stands for more than ${maxNames} names`);
    }
    expanded = expanded.toSpliced(at, 1, ...words.map((word) => `${before}${word}${after}`));
  }
  return expanded;
}

/** null: the braces stand for themselves. */
function braceWords(inside: string): string[] | null {
  const range = /^(\d{1,9})\.\.(\d{1,9})$/.exec(inside);
  if (range === null) return inside.includes(',') ? inside.split(',') : null;
  const [, from = '', to = ''] = range;
  const [first, last] = [Number(from), Number(to)];
  const step = first <= last ? 1 : -1;
  const count = Math.abs(last - first) + 1;
  if (count > maxNames)
    throw new UsageError(`"{${inside}}" stands for more than ${maxNames} names`);
  const isPadded = /^0\d/.test(from) || /^0\d/.test(to);
  const width = isPadded ? Math.max(from.length, to.length) : 0;
  return Array.from({ length: count }, (_, i) => String(first + i * step).padStart(width, '0'));
}
