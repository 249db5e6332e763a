import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

/**
 * Says every 50 ms that it lives, and when by the clock that all machines of a lab share; does not
 * end when asked to.
 */
const stubborn = {
  name: 'fenced.service',
  file: `[Service]
ExecStart=/bin/sh -c 'trap "" TERM; while read -r up _ </proc/uptime; do echo "alive $$up $$MUSTER_EPOCH"; sleep 0.05; done'
ExecStop=/bin/sh -c 'trap "" TERM; sleep 90'
ExecStopPost=/bin/sh -c 'echo "alive $$(cut -d" " -f1 /proc/uptime) $$MUSTER_EPOCH"; sleep 90'
TimeoutStopSec=90
Restart=always
[X-Fleet]
OnPartition=stop
`,
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(3, { env: { MUSTER_MACHINE_TTL: '4s' } });
  await cluster.launch([stubborn, sleeper('everywhere.service', 'Global=true')]);
});
afterAll(() => cluster?.lab.down());

interface Sign {
  /** Seconds of the boot clock. */
  readonly at: number;
  readonly epoch: number;
}

/** What copies on a machine have said. */
async function signs(machine: number): Promise<readonly Sign[]> {
  const lines = await cluster.lab.sh(
    machine,
    'journalctl -u fenced.service -o cat --no-pager | grep ^alive || true',
  );
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, at = '', epoch = ''] = line.split(' ');
      return { at: Number(at), epoch: Number(epoch) };
    });
}

async function placeOf(unit: string): Promise<{ machine: number; mainPid: number }> {
  const [found, ...others] = await cluster.running([unit]);
  if (found === undefined || others.length > 0) {
    throw new Error(`${unit} runs on ${JSON.stringify([found, ...others])}`);
  }
  return found;
}

const others = (machine: number): number[] => [1, 2, 3].filter((each) => each !== machine);

/** Waits for a copy elsewhere, and proves that the one on the machine had ended by then. */
async function movesFrom(machine: number): Promise<number> {
  const [via = 0] = others(machine);
  const to = await cluster.waitForActive('fenced.service', others(machine), 60_000, via);
  const before = await signs(machine);
  const last = before.at(-1);
  const first = (await signs(to)).find(({ at }) => last !== undefined && at > last.at);
  if (last === undefined || first === undefined) throw new Error('a copy never said that it lives');
  const since = (await signs(to)).filter(({ epoch }) => epoch === first.epoch);
  expect({ first: since[0]?.at, isAfter: (since[0]?.at ?? 0) > last.at, last: last.at }).toEqual({
    first: since[0]?.at,
    isAfter: true,
    last: last.at,
  });
  expect(first.epoch).toBeGreaterThan(last.epoch);
  return to;
}

/** Waits until the machine has nothing of the unit any more, and it runs on another one only. */
async function comesToRest(machine: number, on: number): Promise<void> {
  await waitFor(
    `machine ${machine} to be rid of fenced.service`,
    async () => {
      const saw = await cluster.lab.sh(
        machine,
        'ls /run/systemd/system/fenced.service 2>/dev/null || systemctl is-active fenced.service || true',
      );
      return saw === 'inactive' ? { done: true, value: undefined } : { done: false, saw };
    },
    60_000,
  );
  expect((await placeOf('fenced.service')).machine).toBe(on);
  await cluster.waitForMembers(3);
}

test('a machine that is cut off ends the unit before another one begins it, and runs the others on', async () => {
  const { machine } = await placeOf('fenced.service');
  const pid = await cluster.lab.sh(machine, 'systemctl show -P MainPID everywhere.service');
  await cluster.lab.cut(machine);
  const to = await movesFrom(machine);
  expect(await cluster.lab.sh(machine, 'systemctl show -P MainPID everywhere.service')).toBe(pid);
  await cluster.lab.mend(machine);
  await comesToRest(machine, to);
  expect(await cluster.lab.sh(machine, 'systemctl show -P MainPID everywhere.service')).toBe(pid);
});

test('when musterd hangs, systemd ends the unit and lets nobody start it', async () => {
  const { machine } = await placeOf('fenced.service');
  // Else systemd would start musterd anew, which may be before the unit is elsewhere.
  await cluster.lab.sh(machine, 'systemctl service-watchdogs no; systemctl kill -s STOP musterd');
  const to = await movesFrom(machine);
  const late = await cluster.lab.try(machine, 'systemctl start fenced.service');
  expect(late.status).not.toBe(0);
  expect(late.stderr).toContain('dependency job for fenced.service failed');
  await cluster.lab.sh(machine, 'systemctl kill -s CONT musterd');
  await comesToRest(machine, to);
});

test('when musterd is gone for good, systemd ends the unit', async () => {
  const { machine } = await placeOf('fenced.service');
  await cluster.lab.sh(
    machine,
    `mkdir -p /run/systemd/system/musterd.service.d
     printf '[Service]\\nRestart=no\\n' >/run/systemd/system/musterd.service.d/gone.conf
     systemctl daemon-reload
     systemctl kill -s KILL musterd`,
  );
  const to = await movesFrom(machine);
  await cluster.lab.sh(
    machine,
    'rm -r /run/systemd/system/musterd.service.d; systemctl daemon-reload; systemctl start musterd',
  );
  await comesToRest(machine, to);
});

test('musterd that is upgraded, or killed and back in time, leaves the process alone', async () => {
  const before = await placeOf('fenced.service');
  const { machine } = before;
  await cluster.lab.sh(machine, 'systemctl restart musterd');
  await cluster.waitForMembers(3);
  await cluster.lab.sh(machine, 'systemctl kill -s KILL musterd');
  await cluster.waitForMembers(3);
  // By the lease from before it would be over.
  const [{ at } = { at: 0 }] = (await signs(machine)).slice(-1);
  await waitFor(
    'the unit to outlive that lease',
    async () => {
      const last = (await signs(machine)).at(-1)?.at ?? 0;
      return last > at + 5 ? { done: true, value: last } : { done: false, saw: `${last} of ${at}` };
    },
    30_000,
  );
  expect(await placeOf('fenced.service')).toEqual(before);
});

test('a guard that is killed takes units with it, which come back in the same place', async () => {
  await cluster.launch([sleeper('plain.service', 'OnPartition=stop')]);
  const before = await placeOf('plain.service');
  await cluster.lab.sh(before.machine, 'systemctl kill -s KILL muster-lease');
  const [now, ...more] = await waitFor(
    'the unit to run anew',
    async () => {
      const found = await cluster.running(['plain.service']);
      const isNew = found.length === 1 && found[0]?.mainPid !== before.mainPid;
      return isNew ? { done: true, value: found } : { done: false, saw: JSON.stringify(found) };
    },
    30_000,
  );
  expect(more).toEqual([]);
  expect(now?.machine).toBe(before.machine);
  await cluster.destroy(['plain.service']);
});

test('a machine without such units has no guard', async () => {
  const { machine: last } = await placeOf('fenced.service');
  await (await cluster.api()).destroyUnits(['fenced.service']);
  await waitFor(
    'the unit to end',
    async () => {
      // It would take its time.
      await cluster.lab.try(last, 'systemctl kill -s KILL fenced.service');
      const saw = (await cluster.states()).map(({ unit }) => unit).join();
      return saw.includes('fenced') ? { done: false, saw } : { done: true, value: undefined };
    },
    30_000,
  );
  for (const machine of [1, 2, 3]) {
    await waitFor(
      `machine ${machine} to have no guard`,
      async () => {
        const saw = await cluster.lab.sh(
          machine,
          'systemctl is-active muster-lease.service; ls /run/muster; ls /run/systemd/system',
        );
        const isGone = saw.startsWith('inactive') && !saw.includes('muster-lease.service');
        return isGone ? { done: true, value: saw } : { done: false, saw };
      },
      20_000,
    );
  }
});
