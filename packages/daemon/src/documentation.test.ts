import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configKeyNames, environmentName } from './config-keys.ts';
import { readYaml } from './config-sources.ts';

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
