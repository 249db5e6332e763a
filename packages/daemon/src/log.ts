import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream } from 'pino';
import type { Log } from '@muster/core';
import type { Config } from './config-model.ts';

/** Core's Log, from which a part of the daemon gets one of its own, once: it is kept. */
export interface DaemonLog extends Log {
  /** @param fields — part of every line, such as `{ component: 'agent' }` */
  child(fields: object): DaemonLog;
}

export interface RootLog extends DaemonLog {
  /** Of this log and of all that were made from it. */
  setLevel(level: Config['log']['level']): void;
}

/**
 * One JSON object a line, on standard output unless told otherwise. An error belongs in the field
 * `err`: it is written with its stack and its causes.
 */
export function createLog(
  level: Config['log']['level'],
  destination: DestinationStream = pino.destination(1),
): RootLog {
  const family: { level: string }[] = [];
  const root = pino(
    {
      onChild: (child) => void family.push(child),
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (thrown: Error) => withoutTypes(stdSerializers.errWithCause(thrown)) },
    },
    destination,
  );
  family.push(root);
  return Object.assign(root, {
    setLevel: (next: Config['log']['level']): void => {
      for (const log of family) log.level = next;
    },
  });
}

/** The names of classes, which the bundle shortens; what failed is in `code`, `message` and the stack. */
function withoutTypes(said: unknown): unknown {
  if (Array.isArray(said)) return said.map(withoutTypes);
  // What was thrown need not be an error, and is then written as it is.
  if (typeof said !== 'object' || said === null || !('stack' in said)) return said;
  const kept = Object.entries(said).filter(([field]) => field !== 'type');
  return Object.fromEntries(
    kept.map(([field, value]: [string, unknown]) => [field, withoutTypes(value)]),
  );
}
