/** So much of something, or a share of all that a machine has of it. */
export type Amount =
  | { readonly type: 'count'; readonly count: number }
  /** In ten-thousandths. */
  | { readonly type: 'share'; readonly permyriad: number };

/** Powers of 1024. @see systemd.resource-control(5), MemoryMax= */
const suffixes = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** Bytes as systemd writes them: `1048576`, `512M`, `1.5G`, `1G 512M`; null: it is none. */
export function parseBytes(text: string): number | null {
  const part = /\s*(\d+(?:\.\d+)?)\s*([BKMGTPE]?)\s*/y;
  let total = 0;
  let power = Infinity;
  do {
    const [, amount = '', suffix = ''] = part.exec(text) ?? [];
    const next = suffix === '' ? 0 : suffixes.findIndex((known) => known === suffix);
    if (amount === '' || next >= power) return null;
    power = next;
    total += Number(amount) * 1024 ** power;
  } while (part.lastIndex < text.length);
  return total <= Number.MAX_SAFE_INTEGER ? Math.floor(total) : null;
}

/** In at most one decimal, with the largest suffix that leaves something before the point: `1.5G`. */
export function formatBytes(bytes: number, round: 'up' | 'down' | 'nearest' = 'nearest'): string {
  const rounded = { up: Math.ceil, down: Math.floor, nearest: Math.round }[round];
  let power = 0;
  let size = 1;
  while (power < suffixes.length - 1 && bytes >= size * 1024) {
    power += 1;
    size *= 1024;
  }
  const tenths = rounded((bytes / size) * 10);
  // 1023.96K is 1M.
  if (tenths >= 10_240 && power < suffixes.length - 1) return `1${suffixes[power + 1]}`;
  return `${tenths / 10}${power === 0 ? '' : suffixes[power]}`;
}

/** `12%`, `12.55%`, `125.5‰`, `1255‱` in ten-thousandths; null: it is none. May be more than the whole. */
export function parsePermyriad(text: string): number | null {
  const [, whole = '', decimals = '', sign = ''] =
    /^(\d{1,9})(?:\.(\d{1,2}))?([%‰‱])$/.exec(text) ?? [];
  const places = ['‱', '‰', '%'].indexOf(sign);
  if (whole === '' || decimals.length > places) return null;
  return Number(whole) * 10 ** places + Number(decimals.padEnd(places, '0'));
}

/** Bytes or a percentage of at most 100; null: it is neither. */
export function parseByteAmount(text: string): Amount | null {
  const permyriad = parsePermyriad(text);
  if (permyriad !== null) return permyriad <= 10_000 ? { type: 'share', permyriad } : null;
  const count = parseBytes(text);
  return count === null ? null : { type: 'count', count };
}

/** A whole number or a percentage of at most 100; null: it is neither. */
export function parseCountAmount(text: string): Amount | null {
  return /[%‰‱]$|^\d{1,15}$/.test(text) ? parseByteAmount(text) : null;
}

/** CPUs as a number (`0.5`) or as a percentage of one (`50%`), in thousandths; null: it is neither. */
export function parseMilliCpus(text: string): number | null {
  const permyriad = parsePermyriad(text);
  if (permyriad !== null) return Math.ceil(permyriad / 10);
  return /^\d{1,7}(?:\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : null;
}

/** Numbers of CPUs as `0-3 6,8`; null: it is no such list. Sorted, each once. */
export function parseCpuNumbers(text: string): readonly number[] | null {
  const numbers = new Set<number>();
  for (const word of text.split(/[\s,]+/).filter((each) => each !== '')) {
    const [, first = '', last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(word) ?? [];
    if (first === '' || Number(last) < Number(first) || Number(last) > mostCpu) return null;
    for (let cpu = Number(first); cpu <= Number(last); cpu += 1) numbers.add(cpu);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** Linux knows no CPU above it. */
const mostCpu = 8_191;
