import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { resolve } from 'node:path';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

let cluster: Cluster;
let api: string;
beforeAll(async () => {
  cluster = await Cluster.up(1);
  api = await cluster.lab.socket(1);
});
afterAll(() => cluster.lab.down());

const sh = (command: string): Promise<string> => cluster.lab.sh(1, command);
const show = (property: string): Promise<string> => sh(`systemctl show -P ${property} musterd`);
const mainPid = (unit: string): Promise<string> => sh(`systemctl show -P MainPID ${unit}`);

const becomes = (what: string, wanted: RegExp, look: () => Promise<string>): Promise<string> =>
  waitFor(
    `${what} to be ${wanted.source}`,
    async () => {
      const saw = await look();
      return wanted.test(saw) ? { done: true, value: saw } : { done: false, saw };
    },
    60_000,
  );

/** Lines of the metrics, by name and labels. */
async function metrics(): Promise<ReadonlyMap<string, number>> {
  const text = await new Promise<string>((done, fail) => {
    const asked = request({ socketPath: api, path: '/metrics', agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      answer.on('end', () => done(body));
    });
    asked.on('error', fail).end();
  });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

test('it counts as started when its API answers, with or without a store', async () => {
  await cluster.lab.etcd('kill');
  try {
    await sh('systemctl restart musterd');
    expect(await show('ActiveState')).toBe('active');
    const version = await (await cluster.api()).version();
    expect(cluster.numbers.get(version.machine)).toBe(1);
    await becomes('the status', /etcd does not answer, units are left as they are/, () =>
      show('StatusText'),
    );
  } finally {
    await cluster.lab.etcd('start');
  }
  await cluster.waitForMembers(1);
});

test('its status says how it stands', async () => {
  await cluster.launch([sleeper('status-1.service'), sleeper('status-2.service')]);
  const text = await becomes('the status', /leads the cluster; 2 units;/, () => show('StatusText'));
  expect(text).toMatch(/^Machine [0-9a-f]{8}: .*; API on unix:\/run\/muster\/muster\.sock, /);
  await cluster.destroy(['status-1.service', 'status-2.service']);
  await becomes('the status', /leads the cluster; 0 units;/, () => show('StatusText'));
});

test('the metrics move with what happens on a real machine', async () => {
  const before = await metrics();
  await cluster.launch([sleeper('counted.service')]);
  const after = await metrics();
  const grew = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  expect(grew('muster_systemd_jobs_total{type="start",result="done"}')).toBe(1);
  expect(grew('muster_agent_tasks_total{job="start",result="done"}')).toBe(1);
  expect(grew('muster_scheduler_changes_total{result="committed"}')).toBe(1);
  expect(grew('muster_loop_passes_total{loop="agent",result="ok"}')).toBeGreaterThan(0);
  expect(after.get('muster_agent_units{active_state="active"}')).toBe(1);
  await cluster.destroy(['counted.service']);
});

test('systemctl reload takes a new configuration over and leaves the process and its units alone', async () => {
  await cluster.launch([sleeper('kept.service')]);
  const pids = [await mainPid('musterd'), await mainPid('kept.service')];
  await sh("sed -i 's/region: a/region: reloaded/' /etc/muster/musterd.yaml");
  await sh('systemctl reload musterd');
  await becomes('the region', /^reloaded$/, async () => {
    const [machine] = await (await cluster.api()).machines();
    return machine?.metadata['region'] ?? '';
  });
  await becomes('musterd', /^active running$/, async () => {
    return `${await show('ActiveState')} ${await show('SubState')}`;
  });
  expect(await sh('cat /run/muster/machine.env')).toContain('MUSTER_METADATA_REGION="reloaded"');

  await sh('echo "machin: {}" >>/etc/muster/musterd.yaml; systemctl reload musterd');
  await becomes('the log', /unknown key machin; the nearest is machine/, () =>
    sh('journalctl -q -u musterd -o cat -n 5'),
  );
  await becomes('musterd', /^active running$/, async () => {
    return `${await show('ActiveState')} ${await show('SubState')}`;
  });
  await sh("sed -i '/^machin: /d' /etc/muster/musterd.yaml");
  expect([await mainPid('musterd'), await mainPid('kept.service')]).toEqual(pids);
  await cluster.destroy(['kept.service']);
});

test('when its event loop hangs systemd starts it again, and units keep their processes', async () => {
  await cluster.launch([sleeper('watched.service')]);
  const unit = await mainPid('watched.service');
  await sh(
    "printf '[Service]\\nWatchdogSec=2s\\n' >/etc/systemd/system/musterd.service.d/watchdog.conf; systemctl daemon-reload; systemctl restart musterd",
  );
  const first = await mainPid('musterd');
  // Longer than the watchdog allows: it is kept content.
  await sh('sleep 5');
  expect([await mainPid('musterd'), await show('NRestarts')]).toEqual([first, '0']);
  await sh(`kill -STOP ${first}`);
  await becomes('the number of restarts', /^1$/, () => show('NRestarts'));
  await becomes('musterd', /^active$/, () => show('ActiveState'));
  expect(await mainPid('musterd')).not.toBe(first);
  expect(await sh('journalctl -q -u musterd -o cat')).toContain('Watchdog timeout');
  await cluster.waitForMembers(1);
  await becomes('the units here', /1 unit;/, () => show('StatusText'));
  expect(await mainPid('watched.service')).toBe(unit);
  expect(await sh('systemctl is-active watched.service')).toBe('active');
  await sh('rm /etc/systemd/system/musterd.service.d/watchdog.conf; systemctl daemon-reload');
  await cluster.destroy(['watched.service']);
});

test('with the shipped socket unit callers wait while musterd is away, also on the socket of fleet', async () => {
  const file = resolve(__dirname, '../../daemon/musterd.socket');
  const shipped = readFileSync(file, 'utf8').replace('#ListenStream=', 'ListenStream=');
  expect(shipped).toContain('\nListenStream=/run/fleet.sock\n');
  await sh(
    `cat >/etc/systemd/system/musterd.socket <<'EOT'\n${shipped}EOT\nsystemctl daemon-reload`,
  );
  await sh('systemctl stop musterd; systemctl start musterd.socket');
  const ask = (socket: string): Promise<string> =>
    sh(
      `$(command -v node) -e "require('http').get({socketPath:'${socket}',path:'/v1/version'},(r)=>r.pipe(process.stdout))"`,
    );
  expect(await ask('/run/fleet.sock')).toMatch(/"machine":/);
  const pid = await mainPid('musterd');
  expect(Number(pid)).toBeGreaterThan(0);
  const answers = Promise.all([ask('/run/fleet.sock'), ask('/run/muster/muster.sock')]);
  await sh('systemctl restart musterd');
  for (const answer of await answers) expect(answer).toMatch(/"machine":/);
  expect(await mainPid('musterd')).not.toBe(pid);
  // What both have is opened once: by systemd.
  expect(await sh('ss -Hlx src /run/muster/muster.sock | wc -l')).toBe('1');
  await sh('systemctl reload musterd');
  await becomes('musterd', /^active$/, () => show('ActiveState'));
  expect(await ask('/run/fleet.sock')).toMatch(/"machine":/);
  await sh('systemctl stop musterd.socket musterd; rm /etc/systemd/system/musterd.socket');
  await sh('systemctl daemon-reload; systemctl start musterd');
  expect(await ask('/run/muster/muster.sock')).toMatch(/"machine":/);
});
