import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { MusterError } from '@muster/core';
import type { Config } from './config-model.ts';
import { errorCode } from './error-code.ts';

/** A directory that musterd needs cannot be made or written to. */
class DirectoryError extends MusterError {
  readonly code = 'directory';
}

/**
 * Makes the state directory (for the owner only) and the runtime directory (others may pass: the
 * API's socket and machine.env have modes of their own) where they are missing.
 * @throws {DirectoryError}
 */
export async function prepareDirectories(
  config: Pick<Config, 'state' | 'runtime' | 'agent'>,
): Promise<void> {
  const hint = config.agent.manager === 'system' ? '; run musterd as root, or with --user' : '';
  await prepare(config.state, 0o700, 'state', hint);
  await prepare(config.runtime, 0o755, 'runtime', hint);
}

async function prepare(path: string, mode: number, name: string, hint: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const sentence = `cannot use ${path} as ${name} directory (${errorCode(error)})${hint}`;
    throw new DirectoryError(sentence, { cause: error });
  }
}
