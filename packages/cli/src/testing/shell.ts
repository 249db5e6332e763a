import { execFile, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';

/** What the shells of tests prompt with. */
export const prompt = 'what now> ';

/** What the programs of tests print after what they were given. */
export const mark = 'that was all';

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** For bash and zsh: a function by the program's name, which prints its arguments but for completion. */
export function talker(name: string, program: string): string {
  return `${name}() {
  if [[ $1 == __complete ]]; then '${process.execPath}' '${program}' "$@"; else printf '<%s>' "$@"; echo '${mark}'; fi
}
`;
}

/** Runs a command while this process goes on serving. */
export function runShell(
  [file = '', ...args]: readonly string[],
  place: Place,
): Promise<{ out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { ...place, timeout: 20_000 }, (_, out, err) => resolve({ out, err }));
  });
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

interface TypedShell {
  /** Types a line, with tabs in it, and Enter. @returns what the program was given */
  readonly type: (keys: string) => Promise<string[]>;
  /** What the terminal has shown. */
  readonly shown: () => string;
}

const open: ChildProcessWithoutNullStreams[] = [];
if (typeof afterEach === 'function') {
  afterEach(async () => {
    await Promise.all(open.splice(0).map(hangUp));
  });
}

/**
 * Starts a shell on a terminal of its own, which prompts with `prompt` and has a `talker`; it ends
 * with the test.
 */
export async function typingIn(command: string, place: Place): Promise<TypedShell> {
  const child = spawn('script', ['-qfec', command, '/dev/null'], { ...place, stdio: 'pipe' });
  open.push(child);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const wait = async (text: string, from: number): Promise<void> => {
    while (!shown.includes(text, from)) {
      await once(child.stdout, 'data', { signal: AbortSignal.timeout(15_000) }).catch(() => {
        throw new Error(`waited for "${text}"; the terminal shows:\n${shown}`);
      });
    }
  };
  await wait(prompt, 0);
  const type = async (keys: string): Promise<string[]> => {
    const from = shown.length;
    child.stdin.write(`${keys}\r`);
    await wait(mark, from);
    const said = shown.slice(from, shown.indexOf(mark, from));
    const words = said.slice(said.lastIndexOf('\n')).matchAll(/<([^<>]*)>/g);
    return [...words].map(([, word = '']) => word);
  };
  return { type, shown: () => shown };
}

async function hangUp(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
