import type { Dialer, Endpoint } from '@muster/api/client';
import { argumentsFor, quote } from './ssh-arguments.ts';
import type { Destination, SshOptions } from './ssh-arguments.ts';
import { endSsh, SshStream } from './ssh-stream.ts';
import type { SshProcess } from './ssh-stream.ts';

export interface Tunnel {
  readonly dialer: Dialer;
  /** Ends every ssh of it. */
  readonly close: () => void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A way to APIs through ssh to a host. Every stream is an ssh process of its own; none outlives this
 * program, however it ends.
 */
export function openTunnel(tunnel: Destination, options: SshOptions): Tunnel {
  const running = new Set<SshProcess>();
  const kill = (): void => {
    for (const child of running) endSsh(child);
  };
  // Loaded only here: few commands need it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const dial = (endpoint: Endpoint): SshStream => {
    // For a second connection beside the first nobody is asked for a password again.
    const isUnattended = options.isUnattended === true || running.size > 0;
    const args = dialArguments(tunnel, { ...options, isUnattended }, endpoint);
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(child);
    child.once('close', () => running.delete(child));
    return new SshStream(child, { skipTo: endpoint.type === 'unix' ? 'HTTP/1.' : null });
  };
  const forget = atEnd(kill);
  const close = (): void => {
    forget();
    kill();
  };
  return { dialer: { via: `through ${tunnel.shown}`, dial }, close };
}

/** The command line of ssh that connects its standard input and output with an endpoint there. */
export function dialArguments(
  tunnel: Destination,
  options: SshOptions,
  endpoint: Endpoint,
): string[] {
  const common = ['-T', ...argumentsFor(tunnel, options)];
  if (endpoint.type === 'unix') {
    const command = `sh -c ${quote(forwardScript)} sh ${quote(endpoint.socketPath)}`;
    return [...common, '-o', 'ClearAllForwardings=yes', '--', tunnel.host, command];
  }
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return [...common, '-W', `${host}:${endpoint.port}`, '--', tunnel.host];
}

/** Without single quotes and exclamation marks, which shells treat differently. */
const forwardScript =
  'for p in musterctl fleetctl; do command -v $p >/dev/null 2>&1 && exec $p fd-forward "$1"; done; ' +
  'echo "there is neither musterctl nor fleetctl in PATH there" >&2; exit 127';

/**
 * Calls `kill` when this program ends. A signal that nothing else waits for would end it at once:
 * ssh would live on until it notices.
 * @returns undoes it
 */
function atEnd(kill: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    process.off(signal, onSignal);
    if (process.listenerCount(signal) > 0) return;
    kill();
    process.kill(process.pid, signal);
  };
  process.once('exit', kill);
  for (const signal of signals) process.prependListener(signal, onSignal);
  return () => {
    process.off('exit', kill);
    for (const signal of signals) process.off(signal, onSignal);
  };
}
