import type { ProcessExit, UnitRun } from '@muster/core';
import { asString } from './answers.ts';
import { resultInterface } from './unit-names.ts';

export const unitInterface = 'org.freedesktop.systemd1.Unit';
export const serviceInterface = 'org.freedesktop.systemd1.Service';

/** Reads one property of one unit. */
type ReadProperty = (from: string, property: string) => Promise<unknown>;

/** What the last run of a unit came to. Of one that ended well two properties are read. */
export async function readRun(name: string, read: ReadProperty): Promise<UnitRun> {
  const withResult = resultInterface(name);
  const [invocation, answer] = await Promise.all([
    read(unitInterface, 'InvocationID'),
    withResult === null ? null : read(withResult, 'Result'),
  ]);
  const id = Buffer.isBuffer(invocation) ? invocation.toString('hex') : '';
  const invocationId = id === '' ? null : id;
  const result = answer === null ? null : asString(answer);
  if (result === null || result === 'success' || withResult !== serviceInterface) {
    return { result, exit: null, invocationId };
  }
  const end = await readServiceEnd(read);
  return {
    result: wasStartLimitHit(end) ? 'start-limit-hit' : result,
    exit: exitOf(end),
    invocationId,
  };
}

/** Properties of a service that did not end well; times are usec of the monotonic clock. */
export interface ServiceEnd {
  /** si_code of the main process: 0 when there was none. @see waitid(2) */
  readonly ExecMainCode: number;
  readonly ExecMainStatus: number;
  readonly ExecMainExitTimestampMonotonic: number;
  readonly NRestarts: number;
  readonly RestartUSec: number;
  readonly StartLimitBurst: number;
  readonly InactiveEnterTimestampMonotonic: number;
  readonly ActiveState: string;
}

async function readServiceEnd(read: ReadProperty): Promise<ServiceEnd> {
  const ofService = async (property: string): Promise<number> =>
    Number(await read(serviceInterface, property));
  const ofUnit = async (property: string): Promise<number> =>
    Number(await read(unitInterface, property));
  const [code, status, exited, restarts, delay, burst, inactive, active] = await Promise.all([
    ofService('ExecMainCode'),
    ofService('ExecMainStatus'),
    ofService('ExecMainExitTimestampMonotonic'),
    ofService('NRestarts'),
    ofService('RestartUSec'),
    ofUnit('StartLimitBurst'),
    ofUnit('InactiveEnterTimestampMonotonic'),
    read(unitInterface, 'ActiveState'),
  ]);
  return {
    ExecMainCode: code,
    ExecMainStatus: status,
    ExecMainExitTimestampMonotonic: exited,
    NRestarts: restarts,
    RestartUSec: delay,
    StartLimitBurst: burst,
    InactiveEnterTimestampMonotonic: inactive,
    ActiveState: asString(active),
  };
}

/**
 * Whether systemd gave up because the service was started too often. It says so in `Result` only
 * when nothing had failed before, which is hardly ever: else the result of the last run stays. What
 * tells is that it had restarted the service that often, and that the service did not fail when its
 * process ended, but when the delay before the next start was over.
 */
export function wasStartLimitHit(end: ServiceEnd): boolean {
  const wait = end.InactiveEnterTimestampMonotonic - end.ExecMainExitTimestampMonotonic;
  return (
    end.ActiveState === 'failed' &&
    end.StartLimitBurst > 0 &&
    end.NRestarts >= end.StartLimitBurst &&
    wait >= end.RestartUSec
  );
}

const codes: ReadonlyMap<number, ProcessExit['code']> = new Map([
  [1, 'exited'],
  [2, 'killed'],
  [3, 'dumped'],
]);

function exitOf({ ExecMainCode, ExecMainStatus }: ServiceEnd): ProcessExit | null {
  const code = codes.get(ExecMainCode);
  return code === undefined ? null : { code, status: ExecMainStatus };
}
