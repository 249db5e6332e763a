import { isatty } from 'node:tty';
import { openScreen } from './live-screen.ts';
import type { LiveScreen } from './live-screen.ts';

/** Where a command writes, and what it may do there. */
export interface Terminal {
  /** One line to standard output. */
  print(line: string): void;
  /** One line to standard error. */
  complain(line: string): void;
  /** Bytes to standard output; resolves when more may follow. */
  write(piece: Uint8Array): Promise<void>;
  /** Shows a line on standard error until something else is written; nothing unless it is a terminal. */
  progress(line: string | null): void;
  /** Whether somebody can be asked something. */
  readonly isAsking: boolean;
  /** Whether progress is shown. */
  readonly isLive: boolean;
  readonly hasColour: boolean;
  /** Lines of standard output that are written anew in place; null where that is no terminal. */
  openScreen(): LiveScreen | null;
}

type Output = NodeJS.WriteStream;

/** @param environment - NO_COLOR (of any value but '') and TERM=dumb turn colour off */
export function openTerminal(
  out: Output,
  err: Output,
  environment: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isDumb = environment['TERM'] === 'dumb';
  const isLive = err.isTTY && !isDumb;
  let shown = false;
  const clear = (): void => {
    if (shown) err.write('\r\x1b[K');
    shown = false;
  };
  return {
    isLive,
    isAsking: err.isTTY && isatty(0),
    openScreen: () => (out.isTTY && !isDumb ? openScreen(out) : null),
    hasColour: out.isTTY && !isDumb && (environment['NO_COLOR'] ?? '') === '',
    print: (line) => {
      clear();
      out.write(`${line}\n`);
    },
    complain: (line) => {
      clear();
      err.write(`${line}\n`);
    },
    write: (piece) =>
      new Promise((resolve) => {
        if (out.write(piece)) resolve();
        else out.once('drain', resolve);
      }),
    progress: (line) => {
      if (!isLive) return;
      clear();
      if (line === null) return;
      err.write(line.slice(0, err.columns > 1 ? err.columns - 1 : 79));
      shown = true;
    },
  };
}
