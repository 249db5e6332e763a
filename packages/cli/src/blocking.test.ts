import { simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);

/** verb → what is waited for, as it is told */
const verbs: readonly (readonly [verb: string, until: string, target: string])[] = [
  ['load', 'loaded', 'loaded'],
  ['start', 'launched', 'launched'],
  ['stop', 'loaded', 'loaded'],
  ['unload', 'inactive', 'inactive'],
  ['restart', 'launched', 'launched'],
  ['destroy', 'absent', 'destroyed'],
];
const unitsOf = (verb: string): string[] => [`${verb}-a.service`, `${verb}-b.service`];

/** Units of each verb: two that it has something to do with, and nobody who does it. */
beforeEach(async () => {
  const launched = verbs.flatMap(([verb]) =>
    unitsOf(verb).map((name) => cli().unitFile(name, simple)),
  );
  await musterctl('start', ...launched);
  await musterctl('stop', ...unitsOf('start'));
  cli().cluster.behaviour = null;
});

test.each(verbs)('%s --no-block does not wait', async (verb) => {
  const lines = unitsOf(verb).map((name) => `Triggered unit ${name} ${verb}\n`);
  const { status, out } = await musterctl(verb, '--no-block', ...unitsOf(verb));
  expect({ status, out }).toEqual({ status: 0, out: lines.join('') });
});

test.each(verbs)('%s --timeout ends the waiting for %s', async (verb, until, target) => {
  const { status, out, err } = await musterctl(verb, '--timeout', '1', ...unitsOf(verb));
  expect({ status, out }).toEqual({ status: 1, out: '' });
  const lines = err.split('\n');
  for (const [i, unit] of unitsOf(verb).entries()) {
    expect(lines[i]).toContain(`timed out waiting for unit ${unit} to report state ${until}: `);
  }
  expect(lines.slice(2)).toEqual([`error: 2 of 2 units did not become ${target}`, '']);
});

test('--block-attempts 1 ends it as well, for every verb', async () => {
  const ended = await Promise.all(
    verbs.map(async ([verb, until]) => {
      const { status, err } = await musterctl(verb, '--block-attempts=1', ...unitsOf(verb));
      const told = err.split(`to report state ${until}:`).length - 1;
      return `${verb} ${status} ${told}`;
    }),
  );
  expect(ended).toEqual(verbs.map(([verb]) => `${verb} 1 2`));
});

test('what was asked for goes on when the waiting is over', async () => {
  await musterctl('stop', '--timeout', '1', ...unitsOf('stop'));
  await musterctl('destroy', '--timeout', '1', ...unitsOf('destroy'));
  expect(await cli().cluster.unit('stop-a.service')).toMatchObject({ desiredState: 'loaded' });
  expect(await cli().cluster.unit('destroy-a.service')).toBeNull();
});

test('names that are none are told, one line each, and the others are done', async () => {
  const { cluster } = cli();
  cluster.behaviour = () => 'runs';
  for (const [verb] of verbs.slice(2)) {
    const { status, out, err } = await musterctl(verb, 'x1', ...unitsOf(verb), 'x2.timer');
    expect({ verb, status, done: out.trim().split('\n').length }).toEqual({
      verb,
      status: 1,
      done: 2,
    });
    expect(err).toBe(`Unit x1.service does not exist.
Unit x2.timer does not exist.
error: 2 of the arguments could not be done
`);
  }
});

test.each([
  ['--block-attempts', '-1'],
  ['--block-attempts', 'x'],
  ['--timeout', '0'],
])('%s %s makes no sense', async (option, value) => {
  expect(await musterctl('stop', option, value, 'stop-a')).toMatchObject({ status: 2, out: '' });
  expect(await cli().cluster.unit('stop-a.service')).toMatchObject({ desiredState: 'launched' });
});
