import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClock } from './clock.ts';
import { configKeyNames, environmentName } from './config-keys.ts';
import { readYaml } from './config-sources.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { restartKeys } from './reload-plan.ts';

const text = readFileSync(join(__dirname, '../../../docs/configuration.md'), 'utf8');

test.each(configKeyNames)('docs/configuration.md describes %s with its variable', (key) => {
  expect(text).toContain(`\n- \`${key}\`, \`${environmentName(key)}\`; `);
});

test('docs/configuration.md describes no other key', () => {
  const described = [...text.matchAll(/^- `([a-z.]+)`,/gm)].map(([, key]) => key);
  expect(described).toEqual(configKeyNames);
});

test('the example file in docs/configuration.md is right', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
  const { settings, problems } = readYaml('example', example);
  expect(problems).toEqual([]);
  expect(settings.size).toBeGreaterThan(10);
});

test('docs/configuration.md says which keys wait for a restart', () => {
  const [, listed = ''] = /\*\*These keys wait for a restart\*\*: ([^]*?)\. When/.exec(text) ?? [];
  expect(listed.split(/,\s+/)).toEqual([...restartKeys]);
});

describe('docs/operations.md', () => {
  const page = readFileSync(join(__dirname, '../../../docs/operations.md'), 'utf8');
  const described = [...page.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*?) +\|/gm)].map(
    ([, name, type, labels = '']) =>
      `${name} ${type} ${labels.replaceAll(/[` ]/g, '').split(',').toSorted().join()}`,
  );

  test('describes every metric with its type and labels, and no other', async () => {
    const metrics = createMetrics(createClock());
    touchAll(metrics);
    const exposed = await metrics.page.render();
    const types = [...exposed.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
    const found = types.map(([, name = '', type]) => `${name} ${type} ${labelsOf(exposed, name)}`);
    expect(described.toSorted()).toEqual(found.toSorted());
  });

  test('alerts on metrics that there are', () => {
    const names = new Set(described.map((line) => line.split(' ')[0]));
    const alerts = page.slice(page.indexOf('### What to alert on'));
    const used = [...alerts.matchAll(/\b((?:muster|process)_\w+)/g)].map(([, name]) => name);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
    expect(used.length).toBeGreaterThan(10);
  });
});

/** Lets everything happen once, so that every metric has its labels. */
function touchAll({ registry, bus, agent, scheduler, api, ...metrics }: Metrics): void {
  metrics.lookAt({
    registry: {
      contact: { unbrokenSince: () => 0, answeredAt: () => 0 },
      agent: { session: () => 'lease' },
      revision: () => 7,
      isTrusted: () => true,
    },
    agent: { activeStates: () => new Map([['active', 1]]), flapping: () => [] },
    withoutStore: { units: () => 1 },
  });
  registry.call('read')('ok');
  bus.call('ListUnits')('ok');
  metrics.jobEnded({ unit: 'a.service', type: 'start', result: 'done' });
  agent.passed({ ms: 1, isFailed: false });
  scheduler.leads(true);
  scheduler.planned({ units: 1, machines: 1, unplaced: 0, absent: 0, isBraked: false });
  api.request({ method: 'GET', route: '/v1/units' })(200);
}

/** Names of the labels that the samples of a metric have, but for those of the format itself. */
function labelsOf(exposed: string, name: string): string {
  const sample = new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? \\S+$`, 'm');
  const [line, labels = ''] = sample.exec(exposed) ?? [];
  if (line === undefined) throw new Error(`${name} has no sample:\n${exposed}`);
  const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label);
  return names
    .filter((label) => label !== 'le')
    .toSorted()
    .join();
}
