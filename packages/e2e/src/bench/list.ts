import { spawnSync } from 'node:child_process';
import { percentile, seconds } from './row.ts';
import type { Row } from './row.ts';

const runs = 15;

/**
 * Wall time of `musterctl list-units` as a process, beside an empty Node program.
 * @param endpoint - of the API that is asked
 * @param present - so many units are there
 */
export function listRow(
  endpoint: string,
  { present, targetMs }: { readonly present: number; readonly targetMs: number },
): Row & { readonly ms: number } {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const time = (args: readonly string[]): { ms: number; lines: number } => {
    const began = performance.now();
    const ran = spawnSync(process.execPath, args, { env, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (ran.status !== 0)
      throw new Error(`${args.join(' ')} ended with ${ran.status}: ${ran.stderr}`);
    return { ms: performance.now() - began, lines: ran.stdout.split('\n').length - 1 };
  };
  const list = ['dist/musterctl.cjs', '--endpoint', endpoint, 'list-units', '--no-legend'];
  const first = time(list);
  if (first.lines < present) throw new Error(`list-units shows ${first.lines} of ${present} units`);
  const took = percentile(
    Array.from({ length: runs }, () => time(list).ms),
    0.5,
  );
  const node = percentile(
    Array.from({ length: runs }, () => time(['-e', '0']).ms),
    0.5,
  );
  return {
    ms: took,
    what: `musterctl list-units, ${present} units, p50`,
    measured: seconds(took),
    floor: `${seconds(node)} (node -e 0)`,
    ratio: took / node,
    target: `<= ${seconds(targetMs)}`,
    isMet: took <= targetMs,
  };
}
