/** A glob taken apart once, for matching against many names. */
export interface Glob {
  readonly pattern: string;
  /** The one name it matches when it has no wildcard; null: it has some, or it is malformed. */
  readonly literal: string | null;
  readonly isMalformed: boolean;
  matches(name: string): boolean;
}

/** Matches one character of the name; a string matches itself. */
type Atom = string | ((character: string) => boolean);

/** What stands between two stars. */
interface Chunk {
  readonly afterStar: boolean;
  readonly atoms: readonly Atom[];
}

/**
 * Go's path.Match, which fleet used: `*` and `?` do not match `/`, `[a-z]`, `[^a-z]`, `\` quotes.
 * A malformed pattern never matches. Takes at most pattern × name steps. Names are taken to be ASCII,
 * as those of units are.
 */
export function globMatches(pattern: string, name: string): boolean {
  return compileGlob(pattern).matches(name);
}

export function compileGlob(pattern: string): Glob {
  const chunks = parseGlob(pattern);
  if (chunks === null) {
    return { pattern, literal: null, isMalformed: true, matches: () => false };
  }
  const [only] = chunks;
  const isLiteral =
    only !== undefined && chunks.length === 1 && !only.afterStar && only.atoms.every(isString);
  if (isLiteral) {
    const literal = only.atoms.join('');
    return { pattern, literal, isMalformed: false, matches: (name) => name === literal };
  }
  return {
    pattern,
    literal: null,
    isMalformed: false,
    matches: (name) => matchChunks(chunks, name),
  };
}

/** A pattern that matches exactly this name. */
export function escapeGlob(name: string): string {
  return name.replace(/[*?[\]\\]/g, '\\$&');
}

/** null: malformed. The first chunk is always there and is the only one that follows no star. */
function parseGlob(pattern: string): Chunk[] | null {
  let atoms: Atom[] = [];
  const chunks: Chunk[] = [{ afterStar: false, atoms }];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? '';
    if (character === '*') {
      atoms = [];
      chunks.push({ afterStar: true, atoms });
    } else if (character === '?') {
      atoms.push((c) => c !== '/');
    } else if (character === '[') {
      const parsed = parseClass(pattern, at + 1);
      if (parsed === null) return null;
      atoms.push(parsed.atom);
      at = parsed.end;
    } else if (character === '\\') {
      at += 1;
      const quoted = pattern[at];
      if (quoted === undefined) return null;
      atoms.push(quoted);
    } else {
      atoms.push(character);
    }
  }
  return chunks;
}

/** Reads a class whose `[` stands before `start`; `end` is where its `]` is. */
function parseClass(pattern: string, start: number): { atom: Atom; end: number } | null {
  const isNegated = pattern[start] === '^';
  let at = isNegated ? start + 1 : start;
  const ranges: (readonly [low: string, high: string])[] = [];
  while (ranges.length === 0 || pattern[at] !== ']') {
    const low = parseClassCharacter(pattern, at);
    if (low === null) return null;
    at = low.next;
    if (pattern[at] !== '-') {
      ranges.push([low.character, low.character]);
      continue;
    }
    const high = parseClassCharacter(pattern, at + 1);
    if (high === null) return null;
    at = high.next;
    ranges.push([low.character, high.character]);
  }
  const atom = (c: string): boolean =>
    isNegated !== ranges.some(([low, high]) => isBetween(c, low, high));
  return { atom, end: at };
}

function parseClassCharacter(
  pattern: string,
  at: number,
): { character: string; next: number } | null {
  const first = pattern[at];
  if (first === undefined || first === '-' || first === ']') return null;
  if (first !== '\\') return { character: first, next: at + 1 };
  const quoted = pattern[at + 1];
  return quoted === undefined ? null : { character: quoted, next: at + 2 };
}

function isBetween(character: string, low: string, high: string): boolean {
  return low <= character && character <= high;
}

/** Each chunk is put as far left as it fits, the last one at the end of the name. */
function matchChunks(chunks: readonly Chunk[], name: string): boolean {
  let at = 0;
  for (const [index, { afterStar, atoms }] of chunks.entries()) {
    const isLast = index === chunks.length - 1;
    const limit = afterStar ? endOfSegment(name, at) : at;
    let start = isLast ? Math.max(at, name.length - atoms.length) : at;
    while (start <= limit && !fits(atoms, name, start)) start += 1;
    if (start > limit || (isLast && start + atoms.length !== name.length)) return false;
    at = start + atoms.length;
  }
  return true;
}

function endOfSegment(name: string, from: number): number {
  const slash = name.indexOf('/', from);
  return slash === -1 ? name.length : slash;
}

function fits(atoms: readonly Atom[], name: string, at: number): boolean {
  if (at + atoms.length > name.length) return false;
  return atoms.every((atom, offset) => {
    const character = name[at + offset] ?? '';
    return isString(atom) ? atom === character : atom(character);
  });
}

function isString(atom: Atom): atom is string {
  return typeof atom === 'string';
}
