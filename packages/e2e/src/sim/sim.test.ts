import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { simulate } from './simulation.ts';

// The limit of a run, for machines that have other things to do as well.
jest.setTimeout(120_000);

const minutes = 6;
const run = (seed: number) => simulate({ seed, minutes, without: new Set(), print: null });

test.each(Array.from({ length: 16 }, (_, i) => i + 1))('seed %i violates nothing', async (seed) => {
  const { violation, trace } = await run(seed);
  expect({ violation, trace }).toEqual({ violation: null, trace: [] });
});

test('the same seed does the same again, to the letter', async () => {
  const first = await run(7);
  const second = await run(7);
  expect(second).toEqual(first);
  expect((await run(8)).digest).not.toBe(first.digest);
});

test('and in another process, as the command that is printed for a violation does it', async () => {
  const program = join(__dirname, '../../dist/sim/main.js');
  const args = [program, '--first', '7', '--seeds', '1', '--minutes', String(minutes), '--trace'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  expect(stdout).toContain(`seed 7: the trace has the digest ${(await run(7)).digest}`);
});

test.each([
  ['--seeds', '0'],
  ['--faults', 'earthquake'],
])('%s %s is refused in one sentence', async (...args) => {
  const program = join(__dirname, '../../dist/sim/main.js');
  const failed: unknown = await promisify(execFile)(process.execPath, [program, ...args]).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ code: 2 });
});
