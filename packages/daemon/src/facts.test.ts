import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { defaultRouteInterface, parseMachineId, readFacts } from './facts.ts';

const header =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

test.each([
  ['no routes', '', null],
  ['a local network only', 'eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n', null],
  ['one default route', 'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n', 'eth0'],
  [
    'a default route that is down',
    'eth0\t00000000\t0100000A\t0002\t0\t0\t0\t00000000\t0\t0\t0\n',
    null,
  ],
  ['half of all addresses', 'tun0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n', null],
  [
    'two default routes: the lower metric',
    'wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0\n' +
      'eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n',
    'eth0',
  ],
])('%s', (_situation, lines, name) => {
  expect(defaultRouteInterface(header + lines)).toBe(name);
});

test('a machine-id', () => {
  expect(parseMachineId('3d1219c7c4c5404aaa1f6d2a48adfda4\n', 'f')).toBe(
    '3d1219c7c4c5404aaa1f6d2a48adfda4',
  );
});

const rest = 'where 32 hexadecimal digits belong; systemd-machine-id-setup makes a right one';

test.each([
  ['', `/etc/machine-id is empty ${rest}`],
  ['uninitialized\n', `/etc/machine-id has "uninitialized" ${rest}`],
  ['0'.repeat(32), `/etc/machine-id has "${'0'.repeat(32)}" ${rest}`],
  [
    '3D1219C7C4C5404AAA1F6D2A48ADFDA4',
    `/etc/machine-id has "3D1219C7C4C5404AAA1F6D2A48ADFDA4" ${rest}`,
  ],
])('%j is no machine-id', (text, sentence) => {
  expect(() => parseMachineId(text, '/etc/machine-id')).toThrow(sentence);
});

// A container's image may come without a machine-id; systemd makes one when it boots.
const onMachine = existsSync('/etc/machine-id') ? describe : describe.skip;

onMachine('this machine', () => {
  test('says what the system says', async () => {
    const facts = await readFacts(null);
    expect(facts).toEqual({
      id: readFileSync('/etc/machine-id', 'utf8').trim(),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      hostname: readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(),
      address: facts.address,
      version: '0.0.0-unbundled',
    });
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const addresses: (string | null)[] = own.map(({ address }) => address);
    expect([...addresses, null]).toContain(facts.address);
  });

  test('a configured address wins', async () => {
    await expect(readFacts('192.0.2.7')).resolves.toMatchObject({ address: '192.0.2.7' });
  });
});
