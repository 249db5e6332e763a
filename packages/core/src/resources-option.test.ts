import { parseRequirements } from './requirements.ts';
import { parseUnitFile } from './unit-file.ts';

const G = 1024 ** 3;

function read(text: string, name = 'a.service') {
  const { requirements, problems, warnings } = parseRequirements(parseUnitFile(text), name);
  return { ...requirements.resources, problems, warnings };
}

/** `[Service]` and `[X-Fleet]`. */
const service = (own: string, fleet = '', name?: string) =>
  read(`[Service]\nExecStart=/bin/true\n${own}\n[X-Fleet]\n${fleet}\n`, name);
const socket = (own: string, name = 'a.socket') => read(`[Socket]\n${own}\n`, name);

test('a unit that says nothing takes nothing', () => {
  const { requirements } = parseRequirements(
    parseUnitFile('[Service]\nExecStart=/x\n'),
    'a.service',
  );
  expect(requirements.resources).toBeNull();
});

test.each([
  [
    'what is reserved',
    'MemoryMax=3G\nMemoryHigh=2G',
    'MemoryReservation=1G',
    'MemoryReservation=1G',
    G,
  ],
  ['else where it is throttled', 'MemoryMax=3G\nMemoryHigh=2G', '', 'MemoryHigh=2G', 2 * G],
  ['else what it gets at most', 'MemoryMax=3G', '', 'MemoryMax=3G', 3 * G],
  ['no limit is none', 'MemoryHigh=infinity\nMemoryMax=3G', '', 'MemoryMax=3G', 3 * G],
  ['the least of two limits', 'MemoryHigh=8G\nMemoryMax=1G', '', 'MemoryMax=1G', G],
  ['the older name', 'MemoryLimit=3G', '', 'MemoryLimit=3G', 3 * G],
  ['but not beside the newer', 'MemoryLimit=3G\nMemoryMax=4G', '', 'MemoryMax=4G', 4 * G],
  ['the last value counts', 'MemoryMax=3G\nMemoryMax=\nMemoryMax=4G', '', 'MemoryMax=4G', 4 * G],
  [
    'a value that systemd ignores leaves the one before',
    'MemoryMax=3G\nMemoryMax=0',
    '',
    'MemoryMax=3G',
    3 * G,
  ],
])('memory: %s', (_situation, own, fleet, option, count) => {
  const needs = [{ kind: 'memory', amount: { type: 'count', count }, option }];
  expect(service(own, fleet).needs).toEqual(needs);
});

test('parts of a machine are known only there', () => {
  expect(service('MemoryMax=12.5%').needs).toEqual([
    { kind: 'memory', amount: { type: 'share', permyriad: 1250 }, option: 'MemoryMax=12.5%' },
  ]);
  expect(service('TasksMax=125‰')).toMatchObject({
    needs: [{ kind: 'tasks', amount: { type: 'share', permyriad: 1250 } }],
    warnings: [],
  });
});

test.each([
  ['MemoryReservation=0', 'MemoryMax=3G'],
  ['MemoryReservation=0', 'MemoryMax=infinity'],
  ['CPUReservation=0', 'CPUQuota=100%'],
])('%s takes back what %s would count as', (fleet, own) => {
  expect(service(own, fleet)).toEqual({ problems: [], warnings: [] });
});

test('CPUs, disk and tasks', () => {
  const fleet = 'CPUReservation=0.25\nDiskReservation=10G';
  expect(service('CPUQuota=150%\nTasksMax=100', fleet).needs).toEqual([
    { kind: 'cpu', amount: { type: 'count', count: 250 }, option: 'CPUReservation=0.25' },
    { kind: 'disk', amount: { type: 'count', count: 10 * G }, option: 'DiskReservation=10G' },
    { kind: 'tasks', amount: { type: 'count', count: 100 }, option: 'TasksMax=100' },
  ]);
  expect(service('CPUQuota=150%').needs).toEqual([
    { kind: 'cpu', amount: { type: 'count', count: 1500 }, option: 'CPUQuota=150%' },
  ]);
});

test('CPUs by number, of all assignments together', () => {
  expect(service('AllowedCPUs=4-5\nAllowedCPUs=0').allowedCpus).toEqual({
    numbers: [0, 4, 5],
    option: 'AllowedCPUs=4-5 0',
  });
});

test('a slice takes nothing by its limits: what is in it does', () => {
  expect(read('[Slice]\nMemoryMax=3G\n', 'a.slice').needs).toBeUndefined();
  expect(read('[Slice]\n[X-Fleet]\nMemoryReservation=3G\n', 'a.slice').needs).toHaveLength(1);
});

const port = { protocol: 'tcp', port: 80, address: null, isShared: false };

describe('ports', () => {
  test('several in one line or several, each once', () => {
    const { ports } = service('', 'Ports=80, 53/udp 80\nPorts=127.0.0.1:8080 "[::1]:443/tcp"');
    expect(ports).toEqual([
      { ...port, option: 'Ports=80' },
      { ...port, protocol: 'udp', port: 53, option: 'Ports=53/udp' },
      { ...port, port: 8080, address: '127.0.0.1', option: 'Ports=127.0.0.1:8080' },
      { ...port, port: 443, address: '::1', option: 'Ports=[::1]:443/tcp' },
    ]);
  });

  test('ranges, each port once', () => {
    const { ports } = service('', 'Ports=8000-8002 8001 127.0.0.1:8001 [::1]:53-54/udp 9-9');
    const tcp = { ...port, option: 'Ports=8000-8002' };
    const udp = { ...port, protocol: 'udp', address: '::1', option: 'Ports=[::1]:53-54/udp' };
    expect(ports).toEqual([
      { ...tcp, port: 8000 },
      { ...tcp, port: 8001, option: 'Ports=8001' },
      { ...tcp, port: 8002 },
      { ...tcp, port: 8001, address: '127.0.0.1', option: 'Ports=127.0.0.1:8001' },
      { ...udp, port: 53 },
      { ...udp, port: 54 },
      { ...port, port: 9, option: 'Ports=9-9' },
    ]);
    expect(service('', 'Ports=65280-65535').ports).toHaveLength(256);
  });

  test('the port of an instance; a template has none yet', () => {
    const fleet = 'Ports=80%i';
    expect(service('', fleet, 'web@81.service').ports).toMatchObject([{ port: 8081 }]);
    expect(service('', fleet, 'web@.service')).toEqual({ problems: [], warnings: [] });
    expect(service('', fleet, 'web@blue.service').problems).toEqual([
      'Ports=80blue is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80',
    ]);
  });

  test('what a socket listens on, and the service that it starts', () => {
    const text = [
      'ListenStream=1',
      'ListenFIFO=',
      'ListenStream=80',
      'ListenStream=/run/a.sock',
      'ListenStream=@abstract',
      'ListenStream=vsock:2:80',
      'ListenDatagram=[fe80:0::1]:53%eth0',
      'ListenStream=[::ffff:10.0.0.1]:81',
      'ReusePort=yes',
    ].join('\n');
    expect(socket(text)).toEqual({
      needs: [],
      allowedCpus: null,
      starts: 'a.service',
      ports: [
        { ...port, isShared: true, option: 'ListenStream=80' },
        {
          protocol: 'udp',
          port: 53,
          address: 'fe80::1%eth0',
          isShared: true,
          option: 'ListenDatagram=[fe80:0::1]:53%eth0',
        },
        {
          ...port,
          port: 81,
          address: '10.0.0.1',
          isShared: true,
          option: 'ListenStream=[::ffff:10.0.0.1]:81',
        },
      ],
      problems: [],
      warnings: [],
    });
    const named = socket('ListenStream=80\nService=b@%i.service', 'a@1.socket');
    expect(named.starts).toBe('b@1.service');
  });

  test('all of IPv6 alone, and other protocols', () => {
    expect(socket('ListenStream=80\nBindIPv6Only=ipv6-only').ports).toMatchObject([
      { address: '::' },
    ]);
    expect(socket('ListenStream=80\nSocketProtocol=sctp').ports).toMatchObject([
      { protocol: 'sctp' },
    ]);
  });

  test('a socket of one network device takes no port from others', () => {
    expect(socket('ListenStream=80\nBindToDevice=eth0').ports).toBeUndefined();
  });

  test.each(['PrivateNetwork=yes', 'NetworkNamespacePath=/run/netns/blue'])(
    'nor does one with %s',
    (own) => {
      expect(socket(`ListenStream=80\n${own}`).ports).toBeUndefined();
    },
  );

  test('a service that is no socket listens on nothing by such options', () => {
    expect(service('ListenStream=80').ports).toBeUndefined();
  });
});

test.each([
  ['MemoryReservation=lots', 'MemoryReservation=lots is no amount, such as 512M, 1.5G or 10%'],
  [
    'MemoryReservation=infinity',
    'MemoryReservation=infinity is no amount, such as 512M, 1.5G or 10%',
  ],
  ['MemoryReservation=110%', 'MemoryReservation=110% is no amount, such as 512M, 1.5G or 10%'],
  ['CPUReservation=two', 'CPUReservation=two is no amount, such as 0.5 or 50%'],
  ['DiskReservation=-1', 'DiskReservation=-1 is no amount, such as 20G or 10%'],
  ['Ports=http', 'Ports=http is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80'],
  ['Ports=0', 'Ports=0 is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80'],
  ['Ports=65536', 'Ports=65536 is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80'],
  ['Ports=80/icmp', 'Ports=80/icmp is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80'],
  [
    'Ports=1.2.3.256:80',
    'Ports=1.2.3.256:80 is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80',
  ],
  [
    'Ports=[::12345]:80',
    'Ports=[::12345]:80 is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80',
  ],
  ['Ports=1.2.3:80', 'Ports=1.2.3:80 is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80'],
  ...[
    '8010-8000',
    '8000-',
    '-8000',
    '0-5',
    '65530-65536',
    '80-81-82',
    '80-[::1]:81',
    '80-81/x',
  ].map((word): [string, string] => [
    `Ports=${word}`,
    `Ports=${word} is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80`,
  ]),
  ['Ports=1-65535', 'Ports=1-65535 is too many ports; the most is 256'],
  ['Ports=1-257/udp', 'Ports=1-257/udp is too many ports; the most is 256'],
])('%s is refused', (fleet, problem) => {
  expect(service('', fleet)).toEqual({ problems: [problem], warnings: [] });
});

test('more ports than anybody listens on are refused', () => {
  const ports = Array.from({ length: 300 }, (_, i) => String(i + 1)).join(' ');
  expect(service('', `Ports=${ports}`).problems).toEqual([
    'Ports names 300 ports; the most is 256',
  ]);
  expect(service('', 'Ports=1-200 301-400').problems).toEqual([
    'Ports names 300 ports; the most is 256',
  ]);
});

test.each([
  ['MemoryMax=lots', 'MemoryMax=lots in [Service] is no amount: it counts as not given'],
  ['CPUQuota=2', 'CPUQuota=2 in [Service] is no amount: it counts as not given'],
  ['TasksMax=1K', 'TasksMax=1K in [Service] is no amount: it counts as not given'],
  ['AllowedCPUs=all', 'AllowedCPUs=all in [Service] is no list of CPUs: it counts as not given'],
])('%s is warned of, as systemd ignores it', (own, warning) => {
  expect(service(own)).toEqual({ problems: [], warnings: [warning] });
});

test('an address that systemd cannot listen on is warned of', () => {
  expect(socket('ListenStream=localhost:80').warnings).toEqual([
    'ListenStream=localhost:80 in [Socket] is no port or address: it counts as no port',
  ]);
});

test('a reservation that the unit could never use is warned of', () => {
  expect(service('MemoryMax=1G', 'MemoryReservation=2G').warnings).toEqual([
    'MemoryReservation=2G is more than the unit may use: MemoryMax=1G',
  ]);
});
