import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * For tests: makes a script that Node runs by itself.
 * @param contents — TypeScript; may import the files of this directory
 * @returns its path, in `directory`
 */
export function bundleScript(contents: string, directory: string): string {
  const script = join(directory, 'script.cjs');
  // The command, not the library: the library's service would keep jest from ending.
  const esbuild = require.resolve('esbuild/bin/esbuild');
  const args = ['--bundle', '--platform=node', '--conditions=source', '--log-level=warning'];
  execFileSync(esbuild, [...args, `--outfile=${script}`], { cwd: __dirname, input: contents });
  return script;
}

/** For tests: runs such a script in a process of its own; resolves when it has printed something. */
export async function startScript(
  contents: string,
  directory: string,
): Promise<ChildProcessByStdio<null, Readable, null>> {
  const script = bundleScript(contents, directory);
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
