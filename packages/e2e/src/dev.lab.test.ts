import { Lab, waitFor } from './lab.ts';

jest.setTimeout(120_000);

const lab = new Lab();
// The lab's own musterd, its configuration and state make way for one that knows of nothing.
beforeAll(async () => {
  await lab.up(1);
  await lab.sh(
    1,
    'systemctl stop musterd; rm -rf /var/lib/muster /run/muster /etc/muster/musterd.yaml',
  );
});
afterAll(() => lab.down());

const startDev = (unit: string): Promise<string> =>
  lab.sh(1, `systemd-run -q --unit=${unit} musterd --dev`);

async function waitForMember(): Promise<void> {
  await waitFor(
    'this machine in musterctl list-machines',
    async () => {
      const ran = await lab.try(1, 'musterctl list-machines --no-legend');
      return ran.status === 0 && ran.stdout.trim().split('\n').length === 1 && ran.stdout !== ''
        ? { done: true, value: undefined }
        : { done: false, saw: `${ran.stdout}${ran.stderr}` };
    },
    20_000,
  );
}

const mainPid = (unit: string): Promise<string> => lab.sh(1, `systemctl show -P MainPID ${unit}`);

test('musterd --dev is a cluster of one machine with nothing configured, and etcd dies and lives with it', async () => {
  await startDev('dev-1');
  await waitForMember();
  await lab.sh(
    1,
    `printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /tmp/hello.service; musterctl start /tmp/hello.service`,
  );
  const pid = await mainPid('hello.service');
  expect(Number(pid)).toBeGreaterThan(0);
  expect(await lab.sh(1, 'stat -c %a /var/lib/muster/etcd')).toBe('700');
  expect(await lab.sh(1, 'ss -Hltn | wc -l')).toBe('0');

  await lab.sh(1, 'systemctl kill -s KILL --kill-whom=main dev-1');
  await waitFor(
    'no etcd to be left',
    async () => {
      const left = (await lab.try(1, 'grep -lx etcd /proc/[0-9]*/comm')).stdout.trim();
      return left === '' ? { done: true, value: left } : { done: false, saw: `etcd ${left}` };
    },
    10_000,
  );
  expect(await mainPid('hello.service')).toBe(pid);

  await startDev('dev-2');
  await waitForMember();
  expect(await lab.sh(1, 'musterctl list-units --no-legend --fields=unit,active,sub')).toMatch(
    /^hello\.service\s+active\s+running$/,
  );
  expect(await mainPid('hello.service')).toBe(pid);

  await lab.sh(1, 'systemctl stop dev-2');
  expect(await mainPid('hello.service')).toBe(pid);
});

test('a second musterd on the same machine is refused in one sentence', async () => {
  await startDev('dev-3');
  await waitForMember();
  const second = await lab.try(1, 'musterd --dev');
  expect({ status: second.status, lines: second.stderr.trim().split('\n').length }).toEqual({
    status: 1,
    lines: 1,
  });
  expect(second.stderr).toMatch(/^musterd: /);
});
