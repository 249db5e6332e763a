import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Log } from '@muster/core';
import type { Environment } from './config-sources.ts';

const run = promisify(execFile);

/** Tells the service manager how musterd is, as sd_notify(3) does; does nothing without one. */
export interface Notifier {
  /** The unit counts as started. From now on the watchdog is kept content while the event loop turns. */
  ready(status: string): Promise<void>;
  /** The configuration is being read anew; `ready` says when that is over. */
  reloading(): Promise<void>;
  /** One line for `systemctl status`. */
  status(text: string): Promise<void>;
  stopping(): Promise<void>;
  /** Ends the watchdog's messages. */
  close(): void;
}

/**
 * Node cannot send to a unix datagram socket, so systemd-notify(1) does: 8 ms a message, 1.3 ms of
 * it in this process. Run by root it speaks in musterd's name; else it speaks for itself, which the
 * unit has to allow with `NotifyAccess=all`. A message that cannot be sent is logged, never thrown.
 */
export function createNotifier(options: {
  readonly env: Environment;
  readonly log: Log;
}): Notifier {
  const { env, log } = options;
  const isNotified = Boolean(env['NOTIFY_SOCKET']);
  const watchdogMs = isNotified ? watchdogIntervalMs(env, process.pid) : null;
  let timer: NodeJS.Timeout | null = null;
  let isPinging = false;

  const send = async (...messages: string[]): Promise<void> => {
    if (!isNotified) return;
    try {
      await run('systemd-notify', messages, { env: { ...env }, timeout: 5000 });
    } catch (err) {
      log.warn({ err, messages }, 'service manager could not be notified');
    }
  };
  const ping = async (): Promise<void> => {
    if (isPinging) return;
    isPinging = true;
    await send('WATCHDOG=1');
    isPinging = false;
  };
  const oneLine = (text: string): string => `STATUS=${text.replaceAll(/\s+/g, ' ')}`;

  return {
    ready: async (status) => {
      await send('READY=1', oneLine(status));
      if (watchdogMs !== null) timer ??= setInterval(() => void ping(), watchdogMs).unref();
    },
    reloading: () => {
      // CLOCK_MONOTONIC in µs, by which systemd tells this reload from an earlier one.
      const now = process.hrtime.bigint() / 1000n;
      return send('RELOADING=1', `MONOTONIC_USEC=${now}`);
    },
    status: (text) => send(oneLine(text)),
    stopping: () => send('STOPPING=1', 'STATUS=Stopping; units run on'),
    close: () => {
      if (timer !== null) clearInterval(timer);
    },
  };
}

/**
 * A third of what the service manager allows, so that one message may be late; null when it does
 * not watch this process.
 */
export function watchdogIntervalMs(env: Environment, pid: number): number | null {
  const allowedMs = Number(env['WATCHDOG_USEC'] ?? '0') / 1000;
  const isForUs = (env['WATCHDOG_PID'] ?? String(pid)) === String(pid);
  if (!isForUs || !Number.isFinite(allowedMs) || allowedMs < 3) return null;
  return Math.floor(allowedMs / 3);
}
