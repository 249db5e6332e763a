import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Inspector, JournalQuery, UnitUse } from '@muster/core';
import { InvalidInputError, SystemdUnavailableError } from '@muster/core';
import { defaultRuntimeDirectory } from './locations.ts';
import type { Environment, ManagerKind } from './locations.ts';

export interface InspectorOptions {
  readonly manager: ManagerKind;
  /** Environment of the programs. */
  readonly env: Environment;
  /** Where systemd keeps a link for each unit that is up; by default where it is. */
  readonly unitsUpDirectory?: string;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const statusLimitMs = 20_000;
/** More than this of what a program complains is not kept. */
const complaintLimit = 4_096;

/** Asks systemctl and journalctl of this machine. */
export function openInspector(options: InspectorOptions): Inspector {
  const run = (command: string, args: readonly string[]): Child =>
    spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...options.env, SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' },
    });
  return {
    status: async (unit) => {
      refusePatterns(unit);
      return collect(run('systemctl', statusArgs(options.manager, unit)));
    },
    use: async (units) => {
      for (const unit of units) refusePatterns(unit);
      const up = await unitsUp(options);
      const asked = units.filter((unit) => up.has(unit));
      if (asked.length === 0) return [];
      return parseUse(await collect(run('systemctl', useArgs(options.manager, asked))));
    },
    journal: (unit, query, signal) => {
      refusePatterns(unit);
      return stream(() => run('journalctl', journalArgs(options.manager, unit, query)), signal);
    },
  };
}

export function statusArgs(manager: ManagerKind, unit: string): readonly string[] {
  return [...(manager === 'user' ? ['--user'] : []), 'status', '--no-pager', '-l', '--', unit];
}

async function unitsUp({ manager, env, unitsUpDirectory }: InspectorOptions): Promise<Set<string>> {
  const directory =
    unitsUpDirectory ?? join(defaultRuntimeDirectory(manager, env), 'systemd/units');
  const prefix = 'invocation:';
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new SystemdUnavailableError(`cannot read ${directory}`, { cause });
  });
  return new Set(
    names.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : [])),
  );
}

const usedProperties = ['Id', 'MemoryCurrent', 'CPUUsageNSec', 'TasksCurrent'] as const;

function useArgs(manager: ManagerKind, units: readonly string[]): readonly string[] {
  const properties = usedProperties.map((property) => `--property=${property}`);
  return [...(manager === 'user' ? ['--user'] : []), 'show', ...properties, '--', ...units];
}

/** @param text - as `systemctl show` prints several units: a block each, with a blank line between */
function parseUse(text: string): UnitUse[] {
  return text.split('\n\n').flatMap((block) => {
    const said = new Map(
      block.split('\n').map((line) => {
        const equals = line.indexOf('=');
        return [line.slice(0, equals), line.slice(equals + 1)] as const;
      }),
    );
    const unit = said.get('Id');
    if (unit === undefined || unit === '') return [];
    const numberOf = (property: (typeof usedProperties)[number]): number | null => {
      // `[not set]`, `[no data]`, or 2^64 - 1: it is not accounted.
      const value = Number(said.get(property));
      return Number.isSafeInteger(value) ? value : null;
    };
    return [
      {
        unit,
        memoryBytes: numberOf('MemoryCurrent'),
        cpuNs: numberOf('CPUUsageNSec'),
        tasks: numberOf('TasksCurrent'),
      },
    ];
  });
}

export function journalArgs(
  manager: ManagerKind,
  unit: string,
  query: JournalQuery,
): readonly string[] {
  return [
    '--no-pager',
    // Not --user: that would leave out what root's user manager logs, which is in the system's.
    manager === 'user' ? `--user-unit=${unit}` : `--unit=${unit}`,
    `--output=${query.output}`,
    `--lines=${query.lines ?? 'all'}`,
    ...(query.follow ? ['--follow'] : []),
    ...(query.since === null ? [] : [`--since=${query.since}`]),
    ...(query.until === undefined ? [] : [`--until=${query.until}`]),
    ...(query.grep === undefined ? [] : [`--grep=${query.grep}`]),
  ];
}

/** Both programs take a pattern for a name, and would answer for other units. */
function refusePatterns(unit: string): void {
  if (/[*?[\]]/.test(unit)) throw new InvalidInputError(`${unit} is a pattern, not a unit name`);
}

/** systemctl's exit status says how the unit is: only an answer without words is a failure. */
async function collect(child: Child): Promise<string> {
  const timer = setTimeout(() => child.kill('SIGKILL'), statusLimitMs);
  try {
    const [out, complaint, ended] = await Promise.all([
      read(child.stdout, Infinity),
      read(child.stderr, complaintLimit),
      exit(child),
    ]);
    if (ended.signal === 'SIGKILL') {
      throw new SystemdUnavailableError(
        `systemctl gave no answer within ${statusLimitMs / 1000} s`,
      );
    }
    if (out !== '' || ended.code === 4) return out + complaint;
    throw new SystemdUnavailableError(`systemctl failed: ${firstLine(complaint, ended)}`);
  } finally {
    clearTimeout(timer);
  }
}

async function* stream(start: () => Child, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (signal.aborted) return;
  const child = start();
  const kill = (): void => {
    // To end what has not been started may send the signal to our whole process group.
    if (child.pid !== undefined) child.kill('SIGTERM');
  };
  signal.addEventListener('abort', kill);
  const ended = exit(child);
  const complaint = read(child.stderr, complaintLimit);
  try {
    for await (const chunk of child.stdout) yield asBytes(chunk);
    const how = await ended;
    if (signal.aborted || how.code === 0) return;
    throw refusal(firstLine(await complaint, how));
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
    await Promise.allSettled([ended, complaint]);
  }
}

function refusal(said: string): InvalidInputError | SystemdUnavailableError {
  return /^(Failed to parse|Unknown output)/.test(said)
    ? new InvalidInputError(`journalctl: ${said}`)
    : new SystemdUnavailableError(`journalctl failed: ${said}`);
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started; else null. */
  readonly problem: string | null;
}

function exit(child: Child): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, problem: error.message }));
    child.once('close', (code, signal) => resolve({ code, signal, problem: null }));
  });
}

async function read(from: Readable, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of from) {
    const bytes = asBytes(chunk);
    if (size < limit) chunks.push(bytes);
    size += bytes.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function asBytes(chunk: unknown): Uint8Array {
  if (Buffer.isBuffer(chunk)) return chunk;
  throw new Error('a program wrote something that is not bytes');
}

function firstLine(complaint: string, ended: Ended): string {
  const line = complaint.split('\n')[0] ?? '';
  if (line !== '') return line;
  return ended.problem ?? `it ended with ${ended.signal ?? `status ${ended.code}`}`;
}
