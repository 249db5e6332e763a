import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(2);
});
afterAll(() => cluster?.lab.down());

const idOf = async (machine: number): Promise<string> => (await cluster.lab.machine(machine)).id;

async function submit(name: string, file: string): Promise<void> {
  await (await cluster.api()).writeUnits([{ name, file, desiredState: 'launched' }]);
}

/** What `list-units` says is wrong with the unit, once it says this of it. */
async function listed(unit: string, failure: string | RegExp, timeoutMs = 30_000): Promise<string> {
  const fields = '--fields=unit,active,failure';
  return waitFor(
    `list-units to say ${failure} of ${unit}`,
    async () => {
      const { stdout } = await cluster.lab.musterctl(
        ['list-units', '--no-legend', fields, unit],
        2,
      );
      const line = stdout.trim().replace(/ +/g, ' ');
      const isSo = typeof failure === 'string' ? line.endsWith(failure) : failure.test(line);
      return isSo ? { done: true, value: line } : { done: false, saw: line };
    },
    timeoutMs,
  );
}

test('a unit whose program only another machine has is moved there, and says why', async () => {
  await cluster.lab.sh(2, 'cp /bin/sleep /run/the-program');
  // The first machine is the less loaded one.
  const here = `MachineID=${await idOf(2)}`;
  await cluster.launch([sleeper('x.service', here), sleeper('y.service', here)]);
  await submit(
    'picky.service',
    '[Service]\nExecStart=/run/the-program infinity\n[X-Fleet]\nReschedule=on-failure\nRescheduleDelaySec=3s\n',
  );
  expect(await listed('picky.service', '203/EXEC')).toBe('picky.service failed 203/EXEC');
  expect(await cluster.waitForActive('picky.service', [2], 30_000, 1)).toBe(2);
  expect(await cluster.running(['picky.service'])).toMatchObject([{ machine: 2 }]);
  const unit = await (await cluster.api()).unit('picky.service');
  const first = await idOf(1);
  expect(unit).toMatchObject({
    failures: { attempts: 1, limit: 5, isExhausted: false, machines: [first] },
    assignments: [{ reason: `it failed on ${first}: 203/EXEC; attempt 1 of 5` }],
  });
  const { stdout } = await cluster.lab.musterctl(['status', 'picky.service']);
  expect(stdout).toContain(`Muster: attempt 1 of 5 after it failed on ${first.slice(0, 8)}`);
  // Nothing of it is left where it failed.
  expect(await cluster.lab.sh(1, 'systemctl show -P LoadState picky.service')).toBe('not-found');
  await cluster.destroy(['picky.service', 'x.service', 'y.service']);
});

test('a start limit, a missing program and a crash are told apart', async () => {
  const restarts = 'Restart=on-failure\nRestartSec=100ms\n';
  await submit('limit.service', `[Service]\nExecStart=/bin/false\n${restarts}`);
  await submit('missing.service', '[Service]\nExecStart=/nonexistent/program\n');
  await submit('crash.service', "[Service]\nExecStart=/bin/sh -c 'kill -SEGV $$$$'\n");
  expect(await listed('limit.service', 'start-limit-hit, 1/FAILURE')).toBe(
    'limit.service failed start-limit-hit, 1/FAILURE',
  );
  expect(await listed('missing.service', '203/EXEC')).toBe('missing.service failed 203/EXEC');
  expect(await listed('crash.service', 'SEGV')).toMatch(/failed (killed|dumped)\/SEGV$/);
  const { stdout } = await cluster.lab.musterctl(['status']);
  expect(stdout).toContain('  Failing: 3 failed\n');
  await cluster.destroy(['limit.service', 'missing.service', 'crash.service']);
});

test('a unit that crashes for ever is shown to flap, and etcd hardly hears of it any more', async () => {
  const name = 'flaps.service';
  await submit(
    name,
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 0.7\nRestart=always\nRestartSec=100ms\n',
  );
  await listed(name, /flapping, \d+ restarts in 10 min$/);
  const state = (await cluster.states()).find((each) => each.unit === name);
  const machine = cluster.numbers.get(state?.machine ?? '') ?? 0;
  const restarted = async (times: number): Promise<void> =>
    waitFor(
      `${name} to be restarted ${times} times`,
      async () => {
        const count = Number(await cluster.lab.sh(machine, `systemctl show -P NRestarts ${name}`));
        return count >= times ? { done: true, value: undefined } : { done: false, saw: `${count}` };
      },
      90_000,
    );
  const revision = async (): Promise<number> => (await (await cluster.api()).cluster()).revision;
  // What may be written of it at first is used up by then.
  await restarted(40);
  const before = await revision();
  await restarted(80);
  expect((await revision()) - before).toBeLessThanOrEqual(2);
  await cluster.destroy([name]);
});
