import { createApiClient } from './client.ts';
import { totalUse } from './machine-use.ts';
import { ApiGround, here } from './testing/ground.ts';

const use = (unit: string, memoryBytes: number | null, cpuNs: number | null) => ({
  unit,
  memoryBytes,
  cpuNs,
  tasks: 2,
});

test.each([
  ['nothing is up', [], [], { memoryBytes: null, cpus: null, tasks: null }],
  [
    'two units',
    [use('a', 10, 0), use('b', 20, 1e9)],
    [use('a', 11, 2.5e8), use('b', 20, 1.5e9)],
    { memoryBytes: 31, cpus: 1.5, tasks: 4 },
  ],
  [
    'what is not accounted is not known',
    [use('a', null, null)],
    [use('a', null, null)],
    { memoryBytes: null, cpus: null, tasks: 2 },
  ],
  [
    'a unit that has come or was restarted meanwhile has used nothing yet',
    [use('a', 10, 5e9)],
    [use('a', 10, 1e6), use('new', 20, 4e9)],
    { memoryBytes: 30, cpus: 0, tasks: 4 },
  ],
])('%s', (_situation, before, after, total) => {
  expect(totalUse(before, after, 500)).toEqual(total);
});

describe('GET /v1/machines/ID/use', () => {
  let ground: ApiGround;
  afterEach(() => ground.close());

  test('asks systemd of what is assigned to the machine, but for slices', async () => {
    const asked: (readonly string[])[] = [];
    ground = await ApiGround.open({
      ownUnits: () => ['a.service', 'all.slice'],
      inspector: {
        status: async () => '',
        use: async (units) => {
          asked.push(units);
          return units.map((unit) => use(unit, 4096, asked.length * 1e9));
        },
        journal: async function* () {},
      },
    });
    const client = createApiClient({ endpoint: `unix:${ground.socketPath}` });
    const said = await client.machineUse(here);
    expect(said).toEqual({ machine: here, memoryBytes: 4096, cpus: expect.any(Number), tasks: 2 });
    expect(said.cpus).toBeGreaterThan(0);
    expect(asked).toEqual([['a.service'], ['a.service']]);
  });

  test('a machine that is not there, or that nobody can ask, is said', async () => {
    ground = await ApiGround.open();
    const there = 'b'.repeat(32);
    expect(await ground.ask('GET', `/v1/machines/${there}/use`)).toMatchObject({ status: 502 });
    ground.cluster.addMachine(there, '10.0.0.2');
    const answer = await ground.ask('GET', `/v1/machines/${there}/use`);
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.text).toContain('has no TCP listener');
  });
});

describe('GET /v1/machines', () => {
  let ground: ApiGround;
  afterEach(() => ground.close());

  test('says what is promised of each machine', async () => {
    ground = await ApiGround.open();
    ground.cluster.addMachine(here, '10.0.0.1', {
      capacity: { cpus: 2, memoryBytes: 1000, diskBytes: 5000 },
    });
    const client = createApiClient({ endpoint: `unix:${ground.socketPath}` });
    const file = (fleet: string): string => `[Service]\nExecStart=/x\n[X-Fleet]\n${fleet}\n`;
    await client.writeUnits([
      { name: 'a.service', file: file('MemoryReservation=10%\nCPUReservation=0.5') },
      { name: 'b.service', file: file('MemoryReservation=300\nDiskReservation=7') },
      { name: 'c.service', file: file('MemoryReservation=300') },
    ]);
    await ground.cluster.assign('a.service', here);
    await ground.cluster.assign('b.service', here);
    const [machine] = await client.machines();
    expect(machine?.promised).toEqual({ cpus: 0.5, memoryBytes: 400, diskBytes: 7, tasks: 0 });
  });
});
