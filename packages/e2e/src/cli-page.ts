/** A command on a page, and what it printed. */
export interface Recording {
  /** What stands behind `$ `. */
  readonly command: string;
  /** Lines of both streams, without the last line break. */
  readonly output: string;
  /** The heading it stands under. */
  readonly heading: string;
  /** It does not end by itself: Ctrl-C is pressed after a while, which the page shows as a last line `^C`. */
  readonly isInterrupted: boolean;
}

const fence = /^```console\n([\s\S]*?)^```$/gm;
const interrupt = '^C';

/** The recordings of a page, in order: `$ ` and a command, then its output, in blocks of the language `console`. */
export function readRecordings(page: string): Recording[] {
  return [...page.matchAll(fence)].flatMap((block) =>
    readBlock(block[1] ?? '', headingBefore(page, block.index)),
  );
}

/** The page with other outputs. @param outputs - one for each recording, in order */
export function writeRecordings(page: string, outputs: readonly string[]): string {
  let next = 0;
  return page.replace(fence, (_, text: string) => {
    const lines = readBlock(text, '').flatMap(({ command }) => {
      const output = outputs[next] ?? '';
      next += 1;
      return [`$ ${command}`, ...(output === '' ? [] : [output])];
    });
    return `\`\`\`console\n${lines.join('\n')}\n\`\`\``;
  });
}

function readBlock(text: string, heading: string): Recording[] {
  const parts = text.split(/^\$ /m).slice(1);
  return parts.map((part) => {
    const [command = '', ...lines] = part.replace(/\n$/, '').split('\n');
    const isInterrupted = lines.at(-1) === interrupt;
    return { command, output: lines.join('\n'), heading, isInterrupted };
  });
}

function headingBefore(page: string, at: number): string {
  return [...page.slice(0, at).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '';
}

/** Runs of lines that come in the order in which units get there. */
const unordered = /^(?:Unit \S+ (?:launched|loaded|inactive)\b|Destroyed )/;

/** What is another time, process or size each time, and what a page shows instead. */
const varying: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'YYYY-MM-DDThh:mm:ss.sssZ'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d/g, 'YYYY-MM-DDThh:mm:ss.sss+hh:mm'],
  // systemctl status: since when, process ids, sizes.
  [/ since \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+; .*ago$/gm, ' since …'],
  [/^( *(?:Main PID|Process): )\d+/gm, '$1…'],
  [/^ *(?:Tasks|Memory|CPU|IO|IP): .*\n/gm, ''],
  [/([├└]─)\d+ /g, '$1… '],
  // Lines of a journal.
  [/^\w{3} \d\d \d\d:\d\d:\d\d (\S+ [^\s:[]+)\[\d+\]:/gm, '… $1[…]:'],
  // The cluster.
  [/^Cluster \S+ at revision \d+$/gm, 'Cluster … at revision …'],
  [/^( *Leader: )[0-9a-f]{32}$/gm, '$1…'],
  [/^( *"(?:revision|at|since)": )\d+/gm, '$1…'],
];

/** Output as a page shows it. */
export function normalise(output: string): string {
  let text = output.replace(/\n$/, '');
  for (const [pattern, shown] of varying) text = text.replace(pattern, shown);
  return inOrder(text.split('\n')).join('\n');
}

function inOrder(lines: readonly string[]): string[] {
  const ordered: string[] = [];
  let run: string[] = [];
  for (const line of lines) {
    if (unordered.test(line)) run.push(line);
    else {
      ordered.push(...run.sort(), line);
      run = [];
    }
  }
  return [...ordered, ...run.sort()];
}
