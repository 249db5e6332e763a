import {
  checkUnitName,
  desiredStates,
  InvalidInputError,
  packings,
  reservedNameProblem,
} from '@muster/core';
import type { DesiredState, JournalQuery } from '@muster/core';
import { isMetadataKey, isMetadataValue } from './metadata.ts';
import { quoted } from './quoted.ts';
import type { RebalanceRequest } from './rebalance-wire.ts';
import { waitTargets } from './wire.ts';
import type { PlanRequest, UnitRequest, WaitRequest } from './wire.ts';
import type { PolicyPatch } from './write-policy.ts';

/** Bodies and queries from outside, field by field; every fault is named with its path. */
type Fields = Readonly<Record<string, unknown>>;

const unitFields = ['name', 'file', 'desiredState', 'restart', 'startFailed', 'replace'];
const waitFields = ['units', 'until', 'machines', 'afterRevision', 'timeoutMs'];

export function readUnitRequest(body: unknown, name: string): UnitRequest {
  const fields = readObject(body, 'body', unitFields);
  if (fields['name'] !== undefined && fields['name'] !== name) {
    throw new InvalidInputError(
      `name in the URL "${name}" differs from name in the body ${quoted(fields['name'])}`,
    );
  }
  return unitRequest({ ...fields, name }, '');
}

export function readUnitsRequest(body: unknown): readonly UnitRequest[] {
  const { units } = readObject(body, 'body', ['units']);
  const requests = readArray(units, 'units').map((item, index) => {
    const path = `units[${index}]`;
    return unitRequest(readObject(item, path, unitFields), `${path}.`);
  });
  refuseTwice(requests.map(({ name }) => name));
  return requests;
}

export function readPlanRequest(body: unknown): Required<PlanRequest> {
  const { units, destroy = [] } = readObject(body, 'body', ['units', 'destroy']);
  const requests = readUnitsRequest({ units });
  const names = readArray(destroy, 'destroy').map((name, i) => readName(name, `destroy[${i}]`));
  refuseTwice([...requests.map(({ name }) => name), ...names]);
  return { units: requests, destroy: names };
}

export function readDestroyRequest(body: unknown): readonly string[] {
  const { names } = readObject(body, 'body', ['names']);
  const read = readArray(names, 'names').map((name, i) => readName(name, `names[${i}]`));
  refuseTwice(read);
  return read;
}

export function readWaitRequest(body: unknown): Required<WaitRequest> {
  const fields = readObject(body, 'body', waitFields);
  const units = readArray(fields['units'], 'units').map((n, i) => readName(n, `units[${i}]`));
  const until = waitTargets.find((target) => target === fields['until']);
  if (until === undefined) {
    throw new InvalidInputError(`until must be one of ${waitTargets.join(', ')}`);
  }
  const { machines } = fields;
  if (machines != null && until !== 'launched') {
    throw new InvalidInputError('machines belongs to until "launched" only');
  }
  return {
    units: [...new Set(units)],
    until,
    machines: machines == null ? null : readMachines(machines, 'machines'),
    afterRevision: readCount(fields['afterRevision'] ?? 0, 'afterRevision'),
    timeoutMs: fields['timeoutMs'] == null ? null : readCount(fields['timeoutMs'], 'timeoutMs'),
  };
}

export function readMetadataPatch(body: unknown): ReadonlyMap<string, string | null> {
  const patch = new Map<string, string | null>();
  for (const [key, value] of Object.entries(readObject(body, 'body', null))) {
    if (!isMetadataKey(key)) {
      throw new InvalidInputError(
        `metadata key ${quoted(key)} must be 1 to 128 of A-Z a-z 0-9 _ . -`,
      );
    }
    if (value !== null && (typeof value !== 'string' || !isMetadataValue(value))) {
      throw new InvalidInputError(
        `${key} must be a string of 1 to 1024 printable characters, or null to remove it`,
      );
    }
    patch.set(key, value);
  }
  if (patch.size === 0) throw new InvalidInputError('body must name at least one metadata key');
  return patch;
}

export function readPolicyRequest(body: unknown): PolicyPatch {
  const { placement, rebalance } = readObject(body, 'body', ['placement', 'rebalance']);
  if (placement === undefined && rebalance === undefined) {
    throw new InvalidInputError('body must have placement or rebalance');
  }
  return {
    ...(placement === undefined ? {} : { placement: readWord(placement, 'placement', packings) }),
    ...(rebalance === undefined
      ? {}
      : { rebalance: readWord(rebalance, 'rebalance', ['manual', 'auto']) }),
  };
}

export function readRebalanceRequest(body: unknown): RebalanceRequest {
  const { limit = null, atOnce = 1 } = readObject(body, 'body', ['limit', 'atOnce']);
  return {
    limit: limit === null ? null : readPositive(limit, 'limit'),
    atOnce: readPositive(atOnce, 'atOnce'),
  };
}

function readWord<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  const found = allowed.find((known) => known === value);
  if (found !== undefined) return found;
  throw new InvalidInputError(`${path} must be one of ${allowed.join(', ')}`);
}

function readPositive(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidInputError(`${path} must be a whole number, 1 or more`);
}

export function readMachinesRequest(body: unknown): readonly string[] {
  const { machines } = readObject(body, 'body', ['machines']);
  return readMachines(machines, 'machines');
}

export function readMachineId(id: string): string {
  if (isMachineId(id)) return id;
  throw new InvalidInputError(`machine id ${quoted(id)} must be ${machineIdWords}`);
}

const machineIdWords = '32 lower-case hexadecimal digits';

/** As machine-id(5) has it. */
export function isMachineId(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}

/** @throws {InvalidInputError} when it cannot be a unit's name */
export function readUnitName(name: string): string {
  const problem = checkUnitName(name);
  if (problem === null) return name;
  throw new InvalidInputError(`unit name ${quoted(name)}: ${problem}`);
}

export function readJournalQuery(query: URLSearchParams): JournalQuery {
  const lines = query.get('lines') ?? '10';
  if (lines !== 'all' && !/^\d{1,9}$/.test(lines)) {
    throw new InvalidInputError(`lines must be a number or "all", not ${quoted(lines)}`);
  }
  const follow = query.get('follow') ?? 'false';
  if (follow !== 'true' && follow !== 'false') {
    throw new InvalidInputError(`follow must be true or false, not ${quoted(follow)}`);
  }
  const output = query.get('output') ?? 'short';
  if (!/^[a-z][a-z-]{0,31}$/.test(output)) {
    throw new InvalidInputError(
      `output ${quoted(output)} is not an output format of journalctl(1)`,
    );
  }
  const until = readTime(query, 'until');
  const grep = query.get('grep');
  if (grep !== null && !/^[^\p{Cc}]{1,512}$/u.test(grep)) {
    throw new InvalidInputError('grep must be 1 to 512 printable characters');
  }
  return {
    lines: lines === 'all' ? null : Number(lines),
    follow: follow === 'true',
    since: readTime(query, 'since'),
    ...(until === null ? {} : { until }),
    ...(grep === null ? {} : { grep }),
    output,
  };
}

function readTime(query: URLSearchParams, name: 'since' | 'until'): string | null {
  const time = query.get(name);
  if (time === null || /^[\w:+.@ /-]{1,64}$/.test(time)) return time;
  throw new InvalidInputError(`${name} ${quoted(time)} is not a time as journalctl(1) takes it`);
}

/** 0 when it is absent. */
export function readRevisionQuery(
  query: URLSearchParams,
  name: 'afterRevision' | 'newerThan',
): number {
  const text = query.get(name) ?? '0';
  return readCount(/^\d{1,16}$/.test(text) ? Number(text) : text, name);
}

/** @param known - null: any key may be there */
function readObject(value: unknown, path: string, known: readonly string[] | null): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError(`${path} must be an object`);
  }
  const fields: Fields = { ...value };
  const odd = known === null ? undefined : Object.keys(fields).find((key) => !known.includes(key));
  if (odd !== undefined) {
    throw new InvalidInputError(
      `${path} has the unknown key ${quoted(odd)}; known are ${known?.join(', ')}`,
    );
  }
  return fields;
}

function readArray(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new InvalidInputError(`${path} must be an array`);
  if (value.length > 100_000) throw new InvalidInputError(`${path} has more than 100000 items`);
  return value;
}

function readName(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new InvalidInputError(`${path} must be a string`);
  const problem = checkUnitName(value);
  if (problem === null) return value;
  throw new InvalidInputError(`${path} ${quoted(value)}: ${problem}`);
}

function readCount(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidInputError(`${path} must be a whole number, 0 or more`);
}

function unitRequest(fields: Fields, path: string): UnitRequest {
  const name = readName(fields['name'], `${path}name`);
  const reserved = reservedNameProblem(name);
  if (reserved !== null) throw new InvalidInputError(`${path}name "${name}": ${reserved}`);
  const { file } = fields;
  if (file !== undefined && typeof file !== 'string') {
    throw new InvalidInputError(`${path}file must be a string`);
  }
  const restart = readRestart(fields['restart'], `${path}restart`);
  const desiredState = readDesiredState(fields['desiredState'], `${path}desiredState`);
  if (restart !== false && desiredState !== undefined && desiredState !== 'launched') {
    throw new InvalidInputError(
      `${path}restart launches the unit and contradicts ${path}desiredState "${desiredState}"`,
    );
  }
  const startFailed = readFlag(fields['startFailed'], `${path}startFailed`);
  if (startFailed && desiredState !== 'launched') {
    throw new InvalidInputError(
      `${path}startFailed belongs to ${path}desiredState "launched" only`,
    );
  }
  return {
    name,
    ...(file === undefined ? {} : { file }),
    ...(desiredState === undefined ? {} : { desiredState }),
    restart,
    startFailed,
    replace: readFlag(fields['replace'], `${path}replace`),
  };
}

function readRestart(value: unknown, path: string): NonNullable<UnitRequest['restart']> {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  if (typeof value !== 'object' || value === null) {
    throw new InvalidInputError(`${path} must be true, false or {"machines": [id, …]}`);
  }
  const { machines } = readObject(value, path, ['machines']);
  return { machines: readMachines(machines, `${path}.machines`) };
}

/** Ids of machines, each once. */
function readMachines(value: unknown, path: string): readonly string[] {
  const ids = readArray(value, path).map((id, i) => {
    if (typeof id === 'string' && isMachineId(id)) return id;
    throw new InvalidInputError(`${path}[${i}] must be ${machineIdWords}`);
  });
  if (ids.length === 0) throw new InvalidInputError(`${path} must name at least one machine`);
  return [...new Set(ids)];
}

function readFlag(value: unknown, path: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new InvalidInputError(`${path} must be true or false`);
}

function readDesiredState(value: unknown, path: string): DesiredState | undefined {
  if (value === undefined) return undefined;
  const state = desiredStates.find((known) => known === value);
  if (state !== undefined) return state;
  throw new InvalidInputError(`${path} must be one of ${desiredStates.join(', ')}`);
}

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new InvalidInputError(`unit "${name}" is named twice`);
    seen.add(name);
  }
}
