// needs: etcd
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

// The limit of a run, for machines that have other things to do as well.
jest.setTimeout(300_000);

const program = join(__dirname, '../../dist/bench-scale/main.js');
const run = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [program, ...args]);

test('a few simulated machines run units of every kind, and the table says so', async () => {
  const cases = 'basic,latency,list,conflicts,affinity,global,churn,unschedulable,failing';
  const size = ['--machines', '3', '--units', '12', '--start-ms', '20'];
  const { stdout } = await run('--quick', '--only', cases, ...size);
  const rows = stdout
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const told = rows.map(([, what]) => what);
  for (const label of ['basic', 'conflicts', 'affinity', 'global', 'failing']) {
    expect(told).toContainEqual(expect.stringMatching(new RegExp(`^${label}: .*all active$`)));
  }
  for (const label of ['one more unit', 'musterctl list-units', 'churn', 'unschedulable']) {
    expect(told).toContainEqual(expect.stringContaining(label));
  }
  for (const [, what, measured] of rows) expect([what, measured]).not.toContain('NaN');
});

test.each([
  [['--only', 'everything'], '--only everything: there is no such case'],
  [['--machines', '0'], '--machines 0: it must be a whole number above 0'],
  [['--colour'], "Unknown option '--colour'"],
])('%j is refused with a sentence', async (args, sentence) => {
  const failed: unknown = await run(...args).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
});
