import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * For tests: runs TypeScript in a process of its own and resolves when it has printed something.
 * @param contents — may import the files of this directory
 * @param directory — gets the bundle
 */
export async function startTestProcess(
  contents: string,
  directory: string,
): Promise<ChildProcessByStdio<null, Readable, null>> {
  const script = join(directory, 'test-process.cjs');
  // The command, not the library: the library's service would keep jest from ending.
  const esbuild = require.resolve('esbuild/bin/esbuild');
  const args = ['--bundle', '--platform=node', '--conditions=source', `--outfile=${script}`];
  execFileSync(process.execPath, [esbuild, '--log-level=warning', ...args], {
    cwd: __dirname,
    input: contents,
  });
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
