import { spawnSync } from 'node:child_process';
import path from 'node:path';

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Its first lines. */
function run(program: string, ...args: string[]): Ended {
  const main = path.resolve(__dirname, '../dist', program, 'main.js');
  // One that does not mind its options would begin what takes minutes, and a lab.
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { PATH: '/nonexistent' },
  });
  return { status, out: stdout.split('\n')[0] ?? '', err: stderr };
}

const usages = [
  ['bench', 'bench', 'npm run bench -- [--quick]'],
  ['bench-scale', 'bench:scale', 'npm run bench:scale -- [--only CASE,…] '],
  ['sim', 'sim', 'npm run sim -- [--seeds N] '],
] as const;

describe.each(usages)('%s', (program, name, usage) => {
  test.each(['--help', '-h'])('%s says how it is used', (option) => {
    const { status, out, err } = run(program, option);
    expect({ status, out, err }).toEqual({
      status: 0,
      out: expect.stringContaining(usage),
      err: '',
    });
  });

  test.each([
    ['--bogus', "Unknown option '--bogus'"],
    ['bogus', "Unexpected argument 'bogus'"],
    ['--quick=yes', /^(?:Option '--quick' does not take an argument|Unknown option '--quick')$/],
  ])('%s is refused', (option, problem) => {
    const { status, out, err } = run(program, option);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    const said = /^(\S+): (.*); --help says how it is used\n$/.exec(err) ?? [err];
    expect(said[1]).toBe(name);
    expect(said[2]).toMatch(problem);
  });
});

test('what an option is given is checked as well', () => {
  expect(run('sim', '--seeds', '0').err).toBe(
    'sim: --seeds 0: it must be a whole number above 0; --help says how it is used\n',
  );
});
