// needs: etcd
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { startUserManager, whyNoUserManager } from '@muster/systemd/testing';
import type { UserManager } from '@muster/systemd/testing';
import { startEtcd } from '../../registry/src/testing/etcd.ts';
import type { TestEtcd } from '../../registry/src/testing/etcd.ts';
import { bundleMusterd, TestDaemon } from './test-daemon.ts';

jest.setTimeout(60_000);

/** Values by metric with its labels, as they are written. */
type Page = ReadonlyMap<string, number>;

/** One line of the text format, version 0.0.4. */
const sample =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})?) ([-+.0-9eE]+|\+Inf)$/;

function parse(text: string): Page {
  const page = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) \w+ \S/.test(line)) continue;
    const [, name, value] = sample.exec(line) ?? [];
    if (name === undefined) throw new Error(`not in the text format: ${line}`);
    if (page.has(name)) throw new Error(`twice: ${line}`);
    page.set(name, Number(value));
  }
  return page;
}

function suite(): void {
  let manager: UserManager;
  let etcd: TestEtcd;
  let daemon: TestDaemon;
  let start: Page;

  beforeAll(async () => {
    [manager, etcd] = await Promise.all([startUserManager(), startEtcd()]);
    const directory = mkdtempSync(join(manager.scratch, 'd-'));
    const script = bundleMusterd(manager.scratch);
    daemon = new TestDaemon({ script, directory, env: manager.env, args: ['--user'] });
    daemon.configure(`etcd: { endpoints: ["${etcd.endpoint}"] }\nmachine: { ttl: 4s }`);
    await daemon.start();
    start = await until('it is registered and leads', (page) => {
      return page.get('muster_machine_registered') === 1 && of(page, 'scheduler_leading') === 1;
    });
  });
  afterAll(async () => {
    await daemon.stop();
    await etcd.stop();
    await manager.stop();
  });

  const scrape = async (): Promise<Page> => parse(await daemon.get('/metrics'));
  const of = (page: Page, name: string): number => page.get(`muster_${name}`) ?? Number.NaN;

  async function until(what: string, holds: (page: Page) => boolean): Promise<Page> {
    const end = performance.now() + 15_000;
    for (;;) {
      const page = await scrape();
      if (holds(page)) return page;
      if (performance.now() > end) {
        const lines = [...page].filter(([name]) => !name.includes('_bucket'));
        throw new Error(`waited 15 s until ${what}:\n${lines.map((l) => l.join(' ')).join('\n')}`);
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async function launch(name: string, file: string): Promise<void> {
    const asked = request({
      socketPath: daemon.socket,
      method: 'PUT',
      path: `/v1/units/${name}`,
      headers: { 'content-type': 'application/json' },
      agent: false,
    });
    const answer = once(asked.end(JSON.stringify({ file, desiredState: 'launched' })), 'response');
    const [response]: IncomingMessage[] = await answer;
    expect(response?.resume().statusCode).toBe(201);
  }

  test('at the start: one machine, which is registered, leads and reaches everybody', () => {
    expect(of(start, 'scheduler_elections_won_total')).toBe(1);
    expect(of(start, 'systemd_connected')).toBe(1);
    expect(of(start, 'systemd_connections_total')).toBe(1);
    expect(of(start, 'registry_store_trusted')).toBe(1);
    expect(of(start, 'registry_store_revision')).toBeGreaterThan(0);
    expect(of(start, 'registry_contact_seconds')).toBeGreaterThan(0);
    expect(of(start, 'registry_requests_total{operation="lease-grant",result="ok"}')).toBe(2);
    expect(start.get('process_resident_memory_bytes')).toBeGreaterThan(20_000_000);
    const startedAt = (start.get('process_start_time_seconds') ?? 0) * 1000;
    expect(Math.abs(Date.now() - startedAt)).toBeLessThan(60_000);
  });

  test('a unit that is launched is seen from the request to the job', async () => {
    await launch('good.service', '[Service]\nExecStart=/bin/sleep infinity\n');
    const page = await until(
      'it is active',
      (p) => of(p, 'agent_units{active_state="active"}') === 1,
    );
    const grew = (name: string): number => of(page, name) - (of(start, name) || 0);
    expect(of(page, 'scheduler_units')).toBe(1);
    expect(of(page, 'scheduler_machines')).toBe(1);
    expect(grew('scheduler_changes_total{result="committed"}')).toBe(1);
    expect(grew('loop_passes_total{loop="scheduler",result="ok"}')).toBeGreaterThan(0);
    expect(grew('agent_tasks_total{job="start",result="done"}')).toBe(1);
    expect(of(page, 'systemd_jobs_total{type="start",result="done"}')).toBe(1);
    expect(of(page, 'systemd_calls_total{member="StartUnit",result="ok"}')).toBe(1);
    expect(of(page, 'systemd_call_duration_seconds_count{member="StartUnit"}')).toBe(1);
    expect(grew('registry_requests_total{operation="write",result="ok"}')).toBeGreaterThanOrEqual(
      2,
    );
    const put = 'route="/v1/units/{name}",method="PUT"';
    expect(of(page, `api_requests_total{${put},status="2xx"}`)).toBe(1);
    expect(of(page, `api_request_duration_seconds_count{${put}}`)).toBe(1);
    expect(of(page, 'api_open_requests{route="/metrics"}')).toBe(1);
    expect(of(page, 'api_open_requests{route="/v1/units/{name}"}')).toBe(0);
  });

  test('a unit that fails, and one that nobody can take', async () => {
    await launch('bad.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n');
    await launch('nowhere.service', '[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachineID=ffff\n');
    const page = await until('one has failed and one waits', (p) => {
      const isUnplaced = of(p, 'scheduler_unplaced_units') === 1;
      return isUnplaced && of(p, 'agent_units{active_state="failed"}') === 1;
    });
    expect(of(page, 'systemd_jobs_total{type="start",result="failed"}')).toBe(1);
    expect(of(page, 'scheduler_units')).toBe(3);
  });

  test('passes go on at rest, and take the time they take', async () => {
    const passes = 'loop_passes_total{loop="agent",result="ok"}';
    const before = await scrape();
    const after = await until('two more passes', (p) => of(p, passes) >= of(before, passes) + 2);
    const seconds = 'loop_pass_duration_seconds_sum{loop="agent"}';
    expect(of(after, seconds)).toBeGreaterThan(of(before, seconds));
    expect(of(after, 'loop_pass_duration_seconds_count{loop="agent"}')).toBe(of(after, passes));
    const renewed = 'machine_lease_renewals_total{result="renewed"}';
    await until('a renewal', (p) => of(p, renewed) > of(before, renewed));
  });

  test('a message bus that dies is connected to again', async () => {
    process.kill(manager.busPid(), 'SIGKILL');
    const page = await until('it is connected again', (p) => {
      return of(p, 'systemd_connections_total') === 2 && of(p, 'systemd_connected') === 1;
    });
    expect(of(page, 'agent_units{active_state="active"}')).toBe(1);
  });

  test('an etcd that is gone is seen, and that it is back', async () => {
    const before = await scrape();
    await etcd.kill();
    const down = await until('contact is broken and leadership lost', (p) => {
      return of(p, 'registry_contact_seconds') === 0 && of(p, 'scheduler_leading') === 0;
    });
    expect(down.has('muster_scheduler_units')).toBe(false);
    expect(of(down, 'agent_units{active_state="active"}')).toBe(1);
    const failures = 'registry_watch_failures_total';
    expect(of(down, failures)).toBeGreaterThan(of(before, failures));
    expect(
      of(down, 'registry_requests_total{operation="lease-renew",result="unanswered"}'),
    ).toBeGreaterThan(0);
    await until('a renewal was not answered', (p) => {
      return of(p, 'machine_lease_renewals_total{result="unanswered"}') > 0;
    });
    await etcd.start();
    const up = await until('it leads again', (p) => of(p, 'scheduler_leading') === 1);
    expect(of(up, 'registry_contact_seconds')).toBeGreaterThan(0);
    expect(of(up, 'scheduler_elections_won_total')).toBe(2);
    await until('a watch runs again', (p) => {
      const opened = 'registry_watches_opened_total';
      return of(p, opened) > of(before, opened);
    });
  });

  test('another store in its place is not trusted', async () => {
    await etcd.kill();
    await etcd.wipe();
    await etcd.start();
    const page = await until('it is not trusted', (p) => of(p, 'registry_store_trusted') === 0);
    expect(page.has('muster_registry_store_revision')).toBe(false);
    expect(of(page, 'agent_units{active_state="active"}')).toBe(1);
  });
}

const reason = whyNoUserManager();
if (reason === null)
  describe('metrics of a running musterd', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`metrics.int.test.ts: left out, because ${reason}`, () => undefined);
