import { NotFoundError } from '@muster/core';
import type { Inspector, UnitRegistry } from '@muster/core';
import { sendStream } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { Forwarder } from './forwarder.ts';
import { HttpError } from './http-error.ts';
import { shown } from './quoted.ts';
import { readJournalQuery, readMachineId, readUnitName } from './read-request.ts';
import type { StreamLimit } from './stream-limit.ts';

export interface InspectOptions {
  readonly registry: UnitRegistry;
  readonly inspector: Inspector;
  readonly machineId: string;
  readonly forward: Forwarder;
  /** Each journal is a process of its own. */
  readonly journals: StreamLimit;
}

const text = 'text/plain; charset=utf-8';

/** Answers from this machine when it has the unit, else from the machine that does. */
export async function inspectUnit(
  what: 'status' | 'journal',
  exchange: Exchange,
  options: InspectOptions,
): Promise<void> {
  const name = readUnitName(exchange.params['name'] ?? '');
  const query = readJournalQuery(exchange.query);
  const asked = exchange.query.get('machine');
  const machine = asked === null ? await findMachine(name, options.registry) : readMachineId(asked);
  if (machine === options.machineId) return inspectHere(what, exchange, options);
  const apiUrl = await findApi(machine, options.registry);
  const search = new URLSearchParams(exchange.query);
  search.delete('machine');
  const path = `/v1/local/units/${encodeURIComponent(name)}/${what}?${search.toString()}`;
  const answer = await options.forward(apiUrl, path, exchange.signal);
  const { status, contentType } = answer;
  await sendStream(exchange, answer.body, { status, contentType, flush: query.follow });
}

/** The machine-local form: what this machine's systemd says, whoever owns the unit. */
export async function inspectHere(
  what: 'status' | 'journal',
  exchange: Exchange,
  { inspector, journals }: InspectOptions,
): Promise<void> {
  const name = readUnitName(exchange.params['name'] ?? '');
  const query = readJournalQuery(exchange.query);
  if (what === 'status') {
    const pieces = statusOf(inspector, name);
    return sendStream(exchange, pieces, { status: 200, contentType: text, flush: false });
  }
  await journals.run(() => {
    const pieces = inspector.journal(name, query, exchange.signal);
    return sendStream(exchange, pieces, { status: 200, contentType: text, flush: query.follow });
  });
}

async function* statusOf(inspector: Inspector, name: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(await inspector.status(name));
}

async function findMachine(name: string, registry: UnitRegistry): Promise<string> {
  const detail = await registry.detail(name);
  if (detail === null) throw new NotFoundError(`unit "${name}" does not exist`);
  const holders = detail.assignments.filter(({ role }) => role === 'holder');
  const places = holders.length > 0 ? holders : [...detail.assignments, ...detail.states];
  const machines = [...new Set(places.map(({ machine }) => machine))];
  const [machine] = machines;
  if (machine === undefined) {
    throw new HttpError(409, 'not-placed', `unit "${name}" is not on any machine`);
  }
  if (machines.length === 1) return machine;
  const list = machines.sort().join(', ');
  throw new HttpError(
    409,
    'several-machines',
    `unit "${name}" is on ${machines.length} machines, choose one: ${list}`,
  );
}

export async function findApi(id: string, registry: UnitRegistry): Promise<string> {
  const machine = await registry.machine(id);
  if (machine === null) {
    throw new HttpError(502, 'machine-absent', `machine ${shown(id)} is not present`);
  }
  if (machine.apiUrl !== null) return machine.apiUrl;
  throw new HttpError(
    502,
    'machine-unreachable',
    `machine ${id} (${machine.hostname}) has no TCP listener, so it can only be asked there`,
  );
}
