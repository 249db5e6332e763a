import { constants } from 'node:os';
import { OperationError } from './errors.ts';

const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;
const fromOthers = ['SIGTERM', 'SIGHUP'] as const;

/**
 * Runs ssh on our standard input, output and error.
 * @returns its exit status: that of the remote command, 255 when ssh itself failed; as a shell has
 * it when a signal ended it
 * @throws {OperationError} when there is no ssh
 */
export function runSsh(args: readonly string[]): Promise<number> {
  // Loaded only here: few commands need it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('ssh', args, { stdio: 'inherit' });
  // The terminal sends these to ssh as well, which decides what comes of them.
  const stay = (): void => {};
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of fromTerminal) process.on(signal, stay);
  for (const signal of fromOthers) process.on(signal, pass);
  return new Promise<number>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'ENOENT' ? 'there is no program ssh in PATH' : cause.message;
      reject(new OperationError(`cannot run ssh: ${why}`, { cause }));
    });
    child.once('exit', (status, signal) => {
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  }).finally(() => {
    for (const signal of fromTerminal) process.off(signal, stay);
    for (const signal of fromOthers) process.off(signal, pass);
  });
}
