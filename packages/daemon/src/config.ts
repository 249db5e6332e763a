import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MusterError } from '@muster/core';
import type { ConfigKey } from './config-keys.ts';
import type { Config } from './config-model.ts';
import { errorCode } from './error-code.ts';
import { resolveConfig } from './resolve-config.ts';
import type { ConfigInput } from './resolve-config.ts';

/** The configuration cannot be used. The message is all problems, a line each. */
export class ConfigError extends MusterError {
  readonly code = 'config';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: { cause?: unknown }) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/**
 * Reads the configuration file and puts flags, environment, file and defaults together, in this
 * order of precedence.
 * @throws {ConfigError} with everything that is wrong
 */
export async function loadConfig(
  input: Omit<ConfigInput, 'file'>,
): Promise<{ readonly config: Config; readonly file: string | null }> {
  const { flags, env, home } = input;
  const fallback = flags.user
    ? join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'muster/musterd.yaml')
    : '/etc/muster/musterd.yaml';
  const path = flags.config === null ? fallback : resolve(flags.config);
  const text = await readConfigFile(path, flags.config !== null);
  const file = text === null ? null : { path, text };
  const { config, problems } = resolveConfig({ flags, env, file, home });
  const all = [...problems, ...(await unreadableFiles(config))];
  if (all.length > 0) throw new ConfigError(all);
  return { config, file: file?.path ?? null };
}

/** null: there is no file and none was asked for. */
async function readConfigFile(path: string, required: boolean): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' && !required) return null;
    throw new ConfigError([`cannot read the configuration file ${path} (${code})`], {
      cause: error,
    });
  }
}

async function unreadableFiles(config: Config): Promise<readonly string[]> {
  const { etcd, api } = config;
  const files: readonly (readonly [ConfigKey, string | undefined])[] = [
    ['etcd.tls.ca', etcd.tls?.ca],
    ['etcd.tls.cert', etcd.tls?.client?.cert],
    ['etcd.tls.key', etcd.tls?.client?.key],
    ['api.tls.ca', api.tls?.ca],
    ['api.tls.cert', api.tls?.cert],
    ['api.tls.key', api.tls?.key],
  ];
  const problems: string[] = [];
  for (const [key, path] of files) {
    if (path === undefined || path === '') continue;
    try {
      await access(path, constants.R_OK);
    } catch (error) {
      problems.push(`${key} names ${path}, which cannot be read (${errorCode(error)})`);
    }
  }
  return problems;
}
