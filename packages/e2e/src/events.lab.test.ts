import { resumeEvents } from '@muster/api/client';
import type { EventBody } from '@muster/api/client';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

/** One client that follows events as long as the tests run, whatever becomes of its musterd. */
class Telling {
  readonly events: EventBody[] = [];
  interruptions = 0;
  readonly #over = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  static async begin(cluster: Cluster): Promise<Telling> {
    const telling = new Telling();
    const api = await cluster.api(1);
    const options = {
      signal: telling.#over.signal,
      onInterruption: () => void (telling.interruptions += 1),
    };
    const lines = resumeEvents((query, signal) => api.events(query, signal), {}, options);
    await lines.next();
    telling.#reading = (async () => {
      for await (const line of lines) if (line.type === 'event') telling.events.push(line.event);
    })();
    return telling;
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#reading;
  }

  /** What was told of a unit or of a machine itself, once the last of it fits. */
  async until(
    what: { readonly unit: string } | { readonly machine: string },
    last: RegExp,
  ): Promise<readonly EventBody[]> {
    return waitFor(
      `${String(last)} of ${JSON.stringify(what)}`,
      () => {
        const found = this.events.filter((event) =>
          'unit' in what
            ? event.unit === what.unit
            : event.unit === null && event.machine === what.machine,
        );
        const texts = found.map(({ text }) => text);
        return Promise.resolve(
          last.test(texts.at(-1) ?? '')
            ? { done: true, value: found }
            : { done: false, saw: `\n${texts.join('\n')}` },
        );
      },
      30_000,
    );
  }
}

let cluster: Cluster;
let told: Telling;
beforeAll(async () => {
  cluster = await Cluster.up(3);
  told = await Telling.begin(cluster);
});
afterAll(async () => {
  await told?.end();
  await cluster?.lab.down();
});

const idOf = async (machine: number): Promise<string> => (await cluster.lab.machine(machine)).id;
const textsOf = (events: readonly EventBody[]): string[] => events.map(({ text }) => text);

test('a unit is started, fails and is destroyed: who, where, why and when, in order', async () => {
  const began = Date.now();
  const id = await idOf(2);
  const place = id.slice(0, 8);
  const unit = 'short.service';
  await cluster.launch([sleeper(unit, `MachineID=${id}`)]);
  await told.until({ unit }, /active \(running\)$/);
  await cluster.lab.sh(2, `kill -9 $(systemctl show -P MainPID ${unit})`);
  await told.until({ unit }, /failed \(failed\)/);
  await cluster.destroy([unit]);
  const story = await told.until({ unit }, /no longer there/);
  expect(textsOf(story)).toEqual([
    expect.stringMatching(/^short\.service was submitted, to be launched, by \S+$/),
    `${unit} goes to ${place}: least loaded`,
    `${unit} on ${place}: active (running)`,
    `${unit} on ${place}: failed (failed), was active (running): killed/KILL`,
    expect.stringMatching(/^short\.service was destroyed by \S+$/),
    `${unit} is taken off ${place}: the unit was destroyed`,
    `${unit} on ${place}: no longer there (was failed)`,
  ]);
  const revisions = story.map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  // Nobody notes when a record is removed without a word.
  for (const { time } of story.slice(0, -1)) {
    expect(time).toBeGreaterThanOrEqual(began);
    expect(time).toBeLessThanOrEqual(Date.now());
  }
  const { stdout } = await cluster.lab.musterctl(['events', '-o', 'json', unit], 3);
  const shown = stdout
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(shown).toEqual(story);
});

test('musterd is stopped and started: its machine is away and back, and who follows it misses nothing', async () => {
  const machine = await idOf(1);
  await cluster.lab.sh(1, 'systemctl stop musterd');
  const unit = 'meanwhile.service';
  await cluster.launch([sleeper(unit)], 'launched', 2);
  await cluster.lab.sh(1, 'systemctl start musterd');
  await cluster.waitForMembers(3);
  const ofMachine = await told.until({ machine }, /is back$/);
  expect(textsOf(ofMachine).filter((text) => text.startsWith('musterd'))).toEqual([
    expect.stringMatching(
      /^musterd on machine \w{8} \(.*\) was stopped in order, its units run on$/,
    ),
    expect.stringMatching(/^musterd on machine \w{8} \(.*\) is back$/),
  ]);
  expect((await told.until({ unit }, /active \(running\)$/))[0]?.type).toBe('unit-submitted');
  expect(told.interruptions).toBeGreaterThan(0);
  await cluster.destroy([unit]);
});

test('a power cut: the machine is gone, its unit goes elsewhere for that reason, and it joins again', async () => {
  const api = await cluster.api();
  for (const machine of [2, 3]) await api.patchMetadata(await idOf(machine), { rack: 'r' });
  const unit = 'mover.service';
  await cluster.launch([sleeper(unit, 'MachineMetadata=rack=r')]);
  const [placed] = await cluster.running([unit]);
  if (placed === undefined) throw new Error(`${unit} runs nowhere`);
  const lost = await idOf(placed.machine);
  const other = await idOf(placed.machine === 2 ? 3 : 2);
  await cluster.lab.kill(placed.machine);
  await told.until({ unit }, new RegExp(`is taken off ${lost.slice(0, 8)}`));
  await cluster.lab.boot(placed.machine);
  await cluster.waitForMembers(3);
  const story = await told.until({ unit }, new RegExp(`is taken off ${lost.slice(0, 8)}`));
  const [was, now] = [lost.slice(0, 8), other.slice(0, 8)];
  expect(textsOf(story).slice(3)).toEqual([
    `${unit} on ${was}: not known any more, the machine is gone (was active)`,
    `${unit} on ${was}: now released (was holder): machine is gone`,
    `${unit} goes to ${now}: machine ${lost} is gone`,
    `${unit} on ${now}: active (running)`,
    `${unit} is taken off ${was}: it is up on ${other}`,
  ]);
  const ofMachine = await told.until({ machine: lost }, / joined$/);
  // It may have led, too.
  const ofItself = ofMachine.filter(({ type }) => !type.startsWith('leader-'));
  expect(textsOf(ofItself).slice(-3)).toEqual([
    expect.stringMatching(`^metadata of machine ${was}: rack=r, by `),
    expect.stringMatching(`^machine ${was} \\(.*\\) is gone: its lease ended$`),
    expect.stringMatching(`^machine ${was} \\(.*\\) joined$`),
  ]);
  await cluster.destroy([unit]);
});
