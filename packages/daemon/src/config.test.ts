import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Flags } from './command-line.ts';
import { ConfigError, loadConfig } from './config.ts';
import type { Environment } from './config-sources.ts';

const noFlags: Flags = { config: null, dev: false, user: false, state: null, acceptStore: false };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-config-'));
});
afterEach(() => rm(directory, { recursive: true }));

const load = (flags: Partial<Flags>, env: Environment = {}) =>
  loadConfig({ flags: { ...noFlags, ...flags }, env, home: directory });

test('a default file that does not exist is no error', async () => {
  const env = { XDG_CONFIG_HOME: directory, XDG_RUNTIME_DIR: '/run/user/1' };
  await expect(load({ user: true }, env)).resolves.toMatchObject({ file: null });
});

test('the default file of a user is read', async () => {
  await mkdir(join(directory, '.config/muster'), { recursive: true });
  const path = join(directory, '.config/muster/musterd.yaml');
  await writeFile(path, 'log: { level: warn }');
  const env = { XDG_RUNTIME_DIR: '/run/user/1' };
  await expect(load({ user: true }, env)).resolves.toMatchObject({
    file: path,
    config: { log: { level: 'warn' } },
  });
});

test('a file that was asked for has to be there', async () => {
  const path = join(directory, 'none.yaml');
  await expect(load({ config: path })).rejects.toThrow(
    `cannot read the configuration file ${path} (ENOENT)`,
  );
});

test('certificates have to be readable; the error has all problems, a line each', async () => {
  const path = join(directory, 'musterd.yaml');
  await writeFile(path, 'api: { tls: { ca: /no/ca, cert: /no/cert, key: /no/key } }\nstat: 1\n');
  const error = await load({ config: path }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toHaveProperty(
    'message',
    [
      `${path}:2: unknown key stat; the nearest is state`,
      'api.tls.ca names /no/ca, which cannot be read (ENOENT)',
      'api.tls.cert names /no/cert, which cannot be read (ENOENT)',
      'api.tls.key names /no/key, which cannot be read (ENOENT)',
    ].join('\n'),
  );
});
