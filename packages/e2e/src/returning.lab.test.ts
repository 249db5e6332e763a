import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, sleeper } from './cluster.ts';
import type { Running } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(240_000);

/** Longer than a machine's lease and what is added before it counts as absent. */
const beyondTtlMs = 14_000;
const all = [1, 2, 3, 4, 5];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(5);
});
afterAll(() => cluster?.lab.down());

const idOf = async (machine: number): Promise<string> => (await cluster.lab.machine(machine)).id;
const others = (machine: number): number[] => all.filter((each) => each !== machine);

async function cut(machines: readonly number[]): Promise<void> {
  await Promise.all(machines.map((machine) => cluster.lab.cut(machine)));
}

async function mend(machines: readonly number[]): Promise<void> {
  await Promise.all(machines.map((machine) => cluster.lab.mend(machine)));
  await cluster.waitForMembers(all.length);
}

/** Waits until systemd itself runs exactly these copies. */
function waitForRunning(units: readonly string[], expected: readonly Running[]): Promise<void> {
  const wanted = JSON.stringify(expected);
  return waitFor(
    `${units.join()} to run as ${wanted}`,
    async () => {
      const running = JSON.stringify(await cluster.running(units));
      return running === wanted ? { done: true, value: undefined } : { done: false, saw: running };
    },
    60_000,
  );
}

/** Waits until there is one copy of each unit. */
function waitForOneEach(units: readonly string[]): Promise<readonly Running[]> {
  return waitFor(
    `exactly one copy of ${units.join()}`,
    async () => {
      const running = await cluster.running(units);
      const isOneEach =
        running.length === units.length &&
        new Set(running.map((r) => r.unit)).size === units.length;
      return isOneEach
        ? { done: true, value: running }
        : { done: false, saw: JSON.stringify(running) };
    },
    60_000,
  );
}

/**
 * When systemd said this of a unit first, in µs of the clock that all machines of a lab share; null:
 * never.
 */
async function toldAt(machine: number, unit: string, message: string): Promise<number | null> {
  const output = await cluster.lab.sh(
    machine,
    `journalctl --no-pager -o json --output-fields=MESSAGE -u ${unit} -g '${message}' || true`,
  );
  const [first] = output.split('\n').filter((line) => line.startsWith('{'));
  if (first === undefined) return null;
  const entry: Record<string, string> = JSON.parse(first);
  return Number(entry['__MONOTONIC_TIMESTAMP']);
}

async function waitForStatus(pattern: RegExp): Promise<string> {
  return waitFor(
    `musterctl status to say ${pattern}`,
    async () => {
      const { stdout, stderr } = await cluster.lab.musterctl(['status']);
      return pattern.test(stdout)
        ? { done: true, value: stdout }
        : { done: false, saw: `${stdout}${stderr}` };
    },
    40_000,
  );
}

test('cut, replaced, mended: the old copy runs until the new one is active, then there is one', async () => {
  const unit = 'slow.service';
  const gate = "ExecStartPre=/bin/sh -c 'while test -e /run/hold; do sleep 0.1; done'";
  const file = `[Service]\n${gate}\nExecStart=/bin/sleep infinity\n[X-Fleet]\nMachineMetadata=slow=yes\n`;
  await cluster.lab.musterctl(['metadata', 'set', await idOf(2), 'slow=yes']);
  await cluster.launch([{ name: unit, file }]);
  const before = await cluster.running([unit]);
  expect(before).toMatchObject([{ machine: 2 }]);
  // The machine that gets it does not finish starting it before it is told to.
  await cluster.lab.sh(3, 'touch /run/hold');
  await cluster.lab.musterctl(['metadata', 'set', await idOf(3), 'slow=yes']);
  await cut([2]);
  await waitFor(
    `${unit} to be activating on 3`,
    async () => {
      const states = (await cluster.states()).filter((state) => state.unit === unit);
      const isStarting = states.some((s) => s.activeState === 'activating');
      return isStarting
        ? { done: true, value: undefined }
        : { done: false, saw: JSON.stringify(states) };
    },
    40_000,
  );
  await mend([2]);
  await waitFor(
    `${unit} to be reported by both`,
    async () => {
      const states = (await cluster.states()).filter((state) => state.unit === unit);
      return states.length === 2
        ? { done: true, value: undefined }
        : { done: false, saw: JSON.stringify(states) };
    },
    40_000,
  );
  expect(await cluster.running([unit])).toEqual(before);
  await cluster.lab.sh(3, 'rm /run/hold');
  const [now] = await waitForOneEach([unit]);
  expect(now?.machine).toBe(3);
  const started = (await toldAt(3, unit, 'Started')) ?? Infinity;
  const stopping = (await toldAt(2, unit, 'Stopping')) ?? -Infinity;
  expect({ started, stopping, isInOrder: stopping > started }).toMatchObject({ isInOrder: true });
  await cluster.destroy([unit]);
});

test('a blip leaves every process alone; a longer absence those of global and pinned units', async () => {
  const [steady, everywhere, pinned] = ['steady.service', 'everywhere.service', 'pinned.service'];
  await cluster.launch([
    sleeper(everywhere, 'Global=true'),
    sleeper(steady),
    sleeper(pinned, `MachineID=${await idOf(2)}`),
  ]);
  const units = [steady, everywhere, pinned];
  const before = await cluster.running(units);
  expect(before).toHaveLength(7);
  const holder = before.find(({ unit }) => unit === steady)?.machine ?? 0;
  await cut([holder, 2]);
  await pause(3_000);
  await mend([holder, 2]);
  await pause(beyondTtlMs);
  expect(await cluster.running(units)).toEqual(before);
  await cut([2]);
  await pause(beyondTtlMs);
  await mend([2]);
  const staying = [everywhere, pinned];
  await waitForRunning(
    staying,
    before.filter(({ unit }) => staying.includes(unit)),
  );
  await cluster.destroy(units);
});

describe('three of five machines are cut off at once', () => {
  const units = all.map((i) => `spread@${i}.service`);
  const gone = [3, 4, 5];
  let before: readonly Running[];
  let held: string[];

  beforeAll(async () => {
    await cluster.launch(units.map((name) => sleeper(name, 'Conflicts=spread@*.service')));
    before = await cluster.running(units);
    if (before.length !== 5) throw new Error(`running before: ${JSON.stringify(before)}`);
    held = before.filter(({ machine }) => gone.includes(machine)).map(({ unit }) => unit);
    // Nothing keeps them apart any more.
    const api = await cluster.api();
    await api.writeUnits(units.map((name) => ({ ...sleeper(name), replace: true })));
    before = await waitForOneEach(units);
  });
  afterAll(() => cluster.destroy(units));

  /** Starts of the units on machines that had none of them, by the journals. */
  const startedElsewhere = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const machine of [1, 2]) {
      for (const unit of held) {
        if ((await toldAt(machine, unit, 'Started')) !== null) found.push(`${unit} on ${machine}`);
      }
    }
    return found;
  };

  test('no unit of them is started elsewhere, and status says so', async () => {
    await cut(gone);
    const status = await waitForStatus(/The brake is on/);
    expect(status).toContain('3 of 5 machines are absent');
    for (const machine of gone) {
      expect(status).toContain(`${await idOf(machine)}: 1 unit, held back`);
    }
    await pause(beyondTtlMs);
    expect(await startedElsewhere()).toEqual([]);
    expect(await cluster.running(units)).toEqual(before);
    const { stdout } = await cluster.lab.musterctl(['list-machines', '--state', 'absent']);
    expect(stdout.match(/ absent$/gm)).toHaveLength(3);
  });

  test('mended, the brake is off, and every process has run on', async () => {
    await mend(gone);
    await waitFor(
      'the brake to be off',
      async () => {
        const { stdout } = await cluster.lab.musterctl(['brake']);
        return /^The brake is off since .*, 3 of them are back\.$/m.test(stdout)
          ? { done: true, value: undefined }
          : { done: false, saw: stdout };
      },
      40_000,
    );
    expect(await startedElsewhere()).toEqual([]);
    expect(await cluster.running(units)).toEqual(before);
  });

  test('released, their units run elsewhere; mended, there is one copy of each', async () => {
    await cut(gone);
    await waitForStatus(/The brake is on/);
    const released = await cluster.lab.musterctl(['brake', 'release', '--yes']);
    expect(released.stdout.match(/ is accepted as lost\.$/gm)).toHaveLength(3);
    for (const unit of held) await cluster.waitForActive(unit, [1, 2], 30_000, 1);
    expect((await cluster.lab.musterctl(['brake'])).stdout).toMatch(/^The brake is off since/);
    await mend(gone);
    const now = await waitForOneEach(units);
    expect(now.filter(({ machine }) => gone.includes(machine))).toEqual([]);
    const events = await cluster.lab.musterctl(['events', '--type', 'brake-off']);
    expect(events.stdout).toMatch(/the brake is off, 3 of them are back/);
    expect(events.stdout).toMatch(/the brake is off, \S+ accepts the loss of 3/);
  });
});

test('a machine that lost its power and is forgotten leaves nothing; booted, it is a new one', async () => {
  const units = ['one.service', 'two.service', 'three.service', 'four.service', 'five.service'];
  await cluster.launch(units.map((name) => sleeper(name)));
  const id = await idOf(5);
  await cluster.lab.kill(5);
  await waitForStatus(/Machines: 4/);
  const { stdout, stderr, status } = await cluster.lab.musterctl([
    'machine',
    'forget',
    '--yes',
    id.slice(0, 8),
  ]);
  // Its units may have been placed elsewhere, and be ready there, before it was named.
  const isDone = status === 0 || stderr.includes(`no machine is "${id.slice(0, 8)}"`);
  expect({ isDone, stdout, stderr }).toMatchObject({ isDone: true });
  const keys = [...(await cluster.keys()).keys()].filter((key) => key.includes(id));
  expect(keys).toEqual([]);
  for (const unit of units) await cluster.waitForActive(unit, others(5), 30_000, 1);
  await cluster.lab.boot(5);
  await cluster.waitForMembers(5);
  const running = await waitForOneEach(units);
  expect(running.filter(({ machine }) => machine === 5)).toEqual([]);
  await cluster.destroy(units);
});
