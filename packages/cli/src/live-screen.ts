/** Some lines at the end of a terminal that are written anew in place. */
export interface LiveScreen {
  draw(lines: readonly string[]): void;
  /** What was drawn last stays. */
  close(): void;
}

const up = (lines: number): string => (lines === 0 ? '' : `\x1b[${lines}A`);
const wipeLine = '\x1b[2K';
const wipeBelow = '\x1b[J';
const wipeAll = '\x1b[2J\x1b[H';
/** A line that is too long is cut off instead of continued on the next. */
const noWrap = '\x1b[?7l';
const wrap = '\x1b[?7h';

/** More lines than fit are replaced by how many there are. */
export function openScreen(out: NodeJS.WriteStream): LiveScreen {
  let shown: readonly string[] = [];
  let height = 0;
  const draw = (lines: readonly string[]): void => {
    const fitting = fit(lines, out.rows);
    const text = fitting.map((line) => `\r${wipeLine}${line}\n`).join('');
    out.write(`${up(height)}${noWrap}${text}${wipeBelow}${wrap}`);
    shown = lines;
    height = fitting.length;
  };
  const onResize = (): void => {
    // The terminal has moved the lines about: where they are is not known any more.
    out.write(wipeAll);
    height = 0;
    draw(shown);
  };
  out.on('resize', onResize);
  return { draw, close: () => void out.off('resize', onResize) };
}

/** @param rows - of the terminal, of which the last is for the cursor; 0: nobody knows */
export function fit(lines: readonly string[], rows: number): readonly string[] {
  const room = Math.max(2, (rows > 0 ? rows : 24) - 1);
  if (lines.length <= room) return lines;
  const kept = lines.slice(0, room - 1);
  return [...kept, `... and ${lines.length - kept.length} more`];
}
