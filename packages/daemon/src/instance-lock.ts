import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MusterError } from '@muster/core';
import { errorCode } from './error-code.ts';

/** Another musterd works with this directory. */
export class AlreadyRunningError extends MusterError {
  readonly code = 'already-running';
}

/** The lock could neither be had nor be found taken. */
class InstanceLockError extends MusterError {
  readonly code = 'instance-lock';
}

export interface InstanceLock {
  release(): void;
}

/**
 * Takes `musterd.lock` in a directory that exists, for as long as this process lives.
 *
 * It is a lock of the kernel, flock(2): gone with the process however that ends, so there is no
 * stale lock and no pid to be mistaken for another's. Node has no flock; flock(1) of util-linux
 * takes it on a descriptor it is given, and the lock stays with the open file that both share.
 * @throws {AlreadyRunningError}
 * @throws {InstanceLockError}
 */
export async function acquireInstanceLock(directory: string): Promise<InstanceLock> {
  const path = join(directory, 'musterd.lock');
  const descriptor = openLockFile(path);
  try {
    await lock(descriptor, path);
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`, 0);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return { release: () => closeSync(descriptor) };
}

function openLockFile(path: string): number {
  try {
    // Appending creates the file without emptying the one that another musterd has locked.
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    const sentence = `cannot open the lock file ${path} (${errorCode(error)})`;
    throw new InstanceLockError(sentence, { cause: error });
  }
}

async function lock(descriptor: number, path: string): Promise<void> {
  const child = spawn('flock', ['--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      const sentence = `cannot run flock (${errorCode(error)}), which is part of util-linux`;
      reject(new InstanceLockError(sentence, { cause: error }));
    });
  });
  if (status === 0) return;
  if (status !== 1) throw new InstanceLockError(`cannot lock ${path}: ${complaint.trim()}`);
  const holder = readFileSync(path, 'utf8').trim();
  const who = holder === '' ? 'another musterd' : `another musterd (pid ${holder})`;
  throw new AlreadyRunningError(`${who} is running and has locked ${path}`);
}
