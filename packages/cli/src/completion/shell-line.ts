/** A command line of bash up to the cursor. */
export interface ShellLine {
  /** As the program would be given them; the last is the one at the cursor, '' when none has begun. */
  readonly words: readonly string[];
  /** The part of the last word that bash leaves alone when it completes it. */
  readonly kept: string;
  /** The quote that is open at the cursor, else ''. */
  readonly quote: '' | "'" | '"';
}

/** Of the characters that begin a new part, those that belong to it: variables and hosts, for bash. */
const prefixes = new Set(['$', '@']);

/**
 * Takes a simple command apart. Nothing is expanded: neither `~` nor variables.
 * @param breaks - characters that begin a new part for bash, COMP_WORDBREAKS
 */
export function readShellLine(line: string, breaks: string): ShellLine {
  const words: string[] = [];
  let word = '';
  let kept = 0;
  let isOpen = false;
  let quote: ShellLine['quote'] = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote !== '' && char === quote) {
      quote = '';
      kept = word.length;
    } else if (quote === '' && (char === "'" || char === '"')) {
      quote = char;
      kept = word.length;
      isOpen = true;
    } else if (char === '\\' && canEscape(quote, line.charAt(at + 1))) {
      word += line.charAt((at += 1));
      isOpen = true;
    } else if (quote === '' && /\s/.test(char)) {
      if (isOpen) words.push(word);
      [word, kept, isOpen] = ['', 0, false];
    } else {
      word += char;
      isOpen = true;
      if (quote === '' && breaks.includes(char)) kept = word.length - (prefixes.has(char) ? 1 : 0);
    }
  }
  return { words: [...words, word], kept: word.slice(0, kept), quote };
}

/** Text as it is to stand behind the cursor's word. @returns null when it cannot stand there */
export function quoteForShell(text: string, quote: ShellLine['quote']): string | null {
  switch (quote) {
    case "'":
      return text.includes("'") ? null : text;
    case '"':
      return text.replaceAll(/["$`\\]/g, String.raw`\$&`);
    case '':
      return text.replaceAll(/[^\w@%+=:,./~^-]/g, String.raw`\$&`);
  }
}

function canEscape(quote: ShellLine['quote'], next: string): boolean {
  if (quote === "'") return false;
  return quote === '' || /["$`\\]/.test(next);
}
