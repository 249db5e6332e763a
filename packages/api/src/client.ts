import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';
import { eventsSearch, readEvents } from './events/read-events.ts';
import type { EventsLine, EventsQuery } from './events/read-events.ts';
import { parseEndpoint, UnreachableError } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { Dialer } from './stream-agent.ts';
import { createAgent, receive, send } from './transport.ts';
import { changeHoldMs } from './wire.ts';
import type {
  RebalanceBegunBody,
  RebalancePlanBody,
  RebalanceRequest,
  RebalanceStandingBody,
  RebalanceStoppedBody,
} from './rebalance-wire.ts';
import type { Call, ClientTls, TransportOptions } from './transport.ts';
import type {
  ClusterBody,
  BrakeBody,
  ErrorBody,
  ExplanationBody,
  ForgottenBody,
  LossesAcceptedBody,
  MachineBody,
  MachinesBody,
  MachineUseBody,
  MetadataBody,
  PlanRequest,
  PolicyBody,
  StatesBody,
  UnitBody,
  UnitDetailBody,
  UnitRequest,
  UnitStateBody,
  UnitsDestroyedBody,
  UnitsPlannedBody,
  UnitsWrittenBody,
  VersionBody,
  WaitLine,
  WaitRequest,
} from './wire.ts';

export { ApiError } from './api-error.ts';
export { eventTypes } from './events/event.ts';
export type { EventBody, EventType } from './events/event.ts';
export type { EventsLine, EventsQuery } from './events/read-events.ts';
export { resumeEvents } from './events/resume-events.ts';
export type { ResumeOptions } from './events/resume-events.ts';
export { BadEndpointError, unreachable, UnreachableError } from './endpoint.ts';
export type { Endpoint } from './endpoint.ts';
export type { Dialer } from './stream-agent.ts';
export type { ClientTls } from './transport.ts';
export type {
  AbsentMachineBody,
  BrakeBody,
  ClusterBody,
  ErrorBody,
  ExplanationBody,
  FailuresBody,
  ForgottenBody,
  LossesAcceptedBody,
  MachineBody,
  MachineUseBody,
  MachinesBody,
  MetadataBody,
  PlanRequest,
  PolicyBody,
  StatesBody,
  UnitBody,
  UnitDetailBody,
  UnitRequest,
  UnitResultBody,
  UnitStateBody,
  UnitsDestroyedBody,
  UnitsPlannedBody,
  UnitsWrittenBody,
  VersionBody,
  WaitLine,
  WaitRequest,
  WaitTarget,
} from './wire.ts';

export type { RebalanceBegunBody, RebalanceBody, RebalancePlanBody } from './rebalance-wire.ts';

export interface ApiClientOptions {
  /** `unix:/path`, `unix:///path`, `http://host:port` or `https://host:port` */
  readonly endpoint: string;
  /** Who asks, for the record of who changed a unit; the server trusts a certificate more. */
  readonly user?: string;
  readonly tls?: ClientTls;
  /** A request without any answer for this long has failed. */
  readonly timeoutMs?: number;
  /** Is told of each answer: method, path, status and time. */
  readonly trace?: (text: string) => void;
  /** Absent: the endpoint is reached from this system. */
  readonly dialer?: Dialer;
}

export interface JournalOptions {
  /** null: all. */
  readonly lines?: number | null;
  readonly follow?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly grep?: string;
  readonly output?: string;
  /** Machine id; without it the machine that has the unit. */
  readonly machine?: string;
  /** Called when the answer has begun, before anything was logged. */
  readonly onBegin?: () => void;
}

/**
 * The API of one musterd. Every method throws {UnreachableError} when there is no answer and
 * {ApiError} when the answer is an error.
 */
export interface ApiClient {
  version(): Promise<VersionBody>;
  cluster(): Promise<ClusterBody>;
  machines(): Promise<readonly MachineBody[]>;
  /** Also those that units are assigned to and that are not there. */
  allMachines(): Promise<MachinesBody>;
  /** What the units of a machine use, asked there. */
  machineUse(machine: string): Promise<MachineUseBody>;
  /** With the machines that are absent. */
  brake(): Promise<BrakeBody & Pick<MachinesBody, 'absent'>>;
  /** The brake does not hold back units of these machines any more. */
  acceptLosses(machines: readonly string[]): Promise<LossesAcceptedBody>;
  /** Nothing is kept of an absent machine. Waits until that is done, for some 10 s. */
  forgetMachine(machine: string): Promise<ForgottenBody>;
  units(): Promise<readonly UnitBody[]>;
  states(): Promise<readonly UnitStateBody[]>;
  /**
   * Answers when something in the store is newer than `revision`, or some 20 s later; at once when
   * it is 0.
   */
  statesAfter(revision: number, signal?: AbortSignal): Promise<StatesBody>;
  /** null: there is no such unit. */
  unit(name: string): Promise<UnitDetailBody | null>;
  /** Why a unit is where it is, or per machine why it cannot be there. It must exist. */
  explain(name: string): Promise<ExplanationBody>;
  /** What a rebalance would move now; nothing is moved. */
  rebalancePlan(): Promise<RebalancePlanBody>;
  /** Has the leader begin to move units, and does not wait. */
  beginRebalance(request: RebalanceRequest): Promise<RebalanceBegunBody>;
  /** No more moves are begun; does not wait. */
  stopRebalance(): Promise<RebalanceStoppedBody>;
  /** Answers when something in the store is newer than `revision`, or some 20 s later; at once when it is 0. */
  rebalanceAfter(revision: number, signal?: AbortSignal): Promise<RebalanceStandingBody>;
  /** What writing them would do; nothing is written. */
  planUnits(request: PlanRequest): Promise<UnitsPlannedBody>;
  /** All of them, or none when one is refused. */
  writeUnits(units: readonly UnitRequest[]): Promise<UnitsWrittenBody>;
  destroyUnits(names: readonly string[]): Promise<UnitsDestroyedBody>;
  /** Lines as they come; the last is `end` or `error`. */
  wait(request: WaitRequest, signal?: AbortSignal): AsyncGenerator<WaitLine>;
  /** What `systemctl status` prints there. */
  status(name: string, machine?: string): Promise<string>;
  journal(name: string, options: JournalOptions, signal?: AbortSignal): AsyncGenerator<Uint8Array>;
  /**
   * From one connection. Ends with a line `end` when it does not follow; else it goes on until the
   * signal aborts (it rejects then, as when the connection breaks; see resumeEvents).
   * @throws {ApiError} also in the middle; with the code `compacted` it says where to go on
   */
  events(query: EventsQuery, signal?: AbortSignal): AsyncGenerator<EventsLine>;
  /** Units that have a place keep it. */
  setPolicy(policy: Partial<Pick<PolicyBody, 'placement' | 'rebalance'>>): Promise<PolicyBody>;
  patchMetadata(
    machine: string,
    patch: Readonly<Record<string, string | null>>,
  ): Promise<MetadataBody>;
}

type PerhapsOlderMachines = Omit<MachinesBody, 'machines'> & {
  readonly machines: readonly (Omit<MachineBody, 'promised'> & Partial<MachineBody>)[];
};

const nothing: MachineBody['promised'] = { cpus: 0, memoryBytes: 0, diskBytes: 0, tasks: 0 };

/** A wait says something every few seconds, whatever happens. */
const waitSilenceMs = 20_000;

/** Streams of events show every 15 s that they live. */
const eventsSilenceMs = 45_000;

/** @throws {BadEndpointError} */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { user = null, tls = null, timeoutMs = 30_000, trace = null, dialer } = options;
  const direct = parseEndpoint(options.endpoint);
  const endpoint = dialer === undefined ? direct : seenThrough(direct, dialer);
  const agent = dialer === undefined ? null : createAgent(dialer, endpoint, tls);
  const transport: TransportOptions = { endpoint, user, tls, trace, agent };
  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const text = await textOf(transport, { method, path, body, silenceMs: timeoutMs });
    return readJson<T>(transport, text);
  };
  const allMachines = async (): Promise<MachinesBody> => {
    // An older daemon does not say what is promised.
    const body = await json<PerhapsOlderMachines>('GET', '/v1/machines');
    return {
      ...body,
      machines: body.machines.map((each) => ({ ...each, promised: each.promised ?? nothing })),
    };
  };
  const unitPath = (name: string): string => `/v1/units/${encodeURIComponent(name)}`;
  return {
    version: () => json<VersionBody>('GET', '/v1/version'),
    cluster: async () => {
      type PerhapsOlder = Omit<ClusterBody, 'rebalance'> & Partial<ClusterBody>;
      const body = await json<PerhapsOlder>('GET', '/v1/cluster');
      // An older daemon does not know of it.
      return { ...body, rebalance: body.rebalance ?? null };
    },
    machines: async () => (await allMachines()).machines,
    allMachines,
    machineUse: (machine) =>
      json<MachineUseBody>('GET', `/v1/machines/${encodeURIComponent(machine)}/use`),
    brake: () => json<BrakeBody & Pick<MachinesBody, 'absent'>>('GET', '/v1/brake'),
    rebalancePlan: () => json<RebalancePlanBody>('GET', '/v1/rebalance/plan'),
    beginRebalance: (request) => json<RebalanceBegunBody>('POST', '/v1/rebalance', request),
    stopRebalance: () => json<RebalanceStoppedBody>('DELETE', '/v1/rebalance'),
    rebalanceAfter: async (revision, signal) => {
      const path = `/v1/rebalance?newerThan=${revision}`;
      const silenceMs = timeoutMs + (revision === 0 ? 0 : changeHoldMs);
      const text = await textOf(transport, { method: 'GET', path, silenceMs, signal });
      return readJson<RebalanceStandingBody>(transport, text);
    },
    acceptLosses: (machines) => json<LossesAcceptedBody>('POST', '/v1/brake/release', { machines }),
    forgetMachine: (machine) =>
      json<ForgottenBody>('DELETE', `/v1/machines/${encodeURIComponent(machine)}`),
    units: async () => (await json<{ units: UnitBody[] }>('GET', '/v1/units')).units,
    states: async () => (await json<StatesBody>('GET', '/v1/states')).states,
    statesAfter: async (revision, signal) => {
      const path = `/v1/states?newerThan=${revision}`;
      const silenceMs = timeoutMs + (revision === 0 ? 0 : changeHoldMs);
      const text = await textOf(transport, { method: 'GET', path, silenceMs, signal });
      // An older daemon does not say who is nowhere.
      return { pending: [], ...readJson<Omit<StatesBody, 'pending'>>(transport, text) };
    },
    unit: (name) => nullWhenMissing(() => json<UnitDetailBody>('GET', unitPath(name))),
    explain: (name) => json<ExplanationBody>('GET', `${unitPath(name)}/explanation`),
    planUnits: (request) => json<UnitsPlannedBody>('POST', '/v1/plan', request),
    writeUnits: (units) => json<UnitsWrittenBody>('POST', '/v1/units', { units }),
    destroyUnits: (names) => json<UnitsDestroyedBody>('POST', '/v1/units/destroy', { names }),
    wait: (request, signal) => waitLines(transport, request, signal),
    status: (name, machine) =>
      textOf(transport, {
        method: 'GET',
        path: `${unitPath(name)}/status${machine === undefined ? '' : `?machine=${machine}`}`,
        silenceMs: timeoutMs,
      }),
    journal: (name, journal, signal) => {
      const path = `${unitPath(name)}/journal?${journalQuery(journal)}`;
      const silenceMs = journal.follow === true ? null : timeoutMs;
      const call = { method: 'GET', path, silenceMs, answerMs: timeoutMs, signal };
      return streamOf(transport, call, journal.onBegin);
    },
    events: (query, signal) => {
      const path = `/v1/events?${eventsSearch(query)}`;
      const silenceMs = eventsSilenceMs;
      const call = { method: 'GET', path, silenceMs, answerMs: timeoutMs, signal };
      return readEvents(streamOf(transport, call), endpoint.shown);
    },
    setPolicy: (policy) => json<PolicyBody>('PATCH', '/v1/cluster', policy),
    patchMetadata: (machine, patch) =>
      json<MetadataBody>('PATCH', `/v1/machines/${encodeURIComponent(machine)}/metadata`, patch),
  };
}

/** The endpoint as messages name it. */
function seenThrough(endpoint: Endpoint, { via }: Dialer): Endpoint {
  return { ...endpoint, shown: `${endpoint.shown} ${via}` };
}

async function nullWhenMissing<T>(get: () => Promise<T>): Promise<T | null> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function* streamOf(
  transport: TransportOptions,
  call: Call,
  onBegin?: () => void,
): AsyncGenerator<Uint8Array> {
  const response = await send(transport, call);
  await throwIfError(transport, response);
  onBegin?.();
  yield* receive(transport, response);
}

function textOf(transport: TransportOptions, call: Call): Promise<string> {
  const run = async (): Promise<string> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of streamOf(transport, call)) pieces.push(piece);
    return Buffer.concat(pieces).toString('utf8');
  };
  return transport.agent === null ? run() : transport.agent.inTurn(run);
}

async function* waitLines(
  transport: TransportOptions,
  request: WaitRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<WaitLine> {
  const call = { method: 'POST', path: '/v1/wait', body: request, silenceMs: waitSilenceMs };
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of streamOf(transport, { ...call, signal })) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const read = readJson<WaitLine>(transport, line);
      yield read;
      if (read.type === 'end' || read.type === 'error') return;
    }
  }
  throw new UnreachableError(`musterd at ${transport.endpoint.shown} ended the wait early`);
}

async function throwIfError(transport: TransportOptions, response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return;
  const pieces: Uint8Array[] = [];
  for await (const piece of receive(transport, response)) pieces.push(piece);
  throw new ApiError(status, readError(status, Buffer.concat(pieces).toString('utf8')));
}

/** What is between us and musterd may answer with something else than our errors. */
function readError(status: number, text: string): ErrorBody {
  const message = `musterd answered with status ${status} and no explanation`;
  const unexplained = { error: { code: 'unknown', message } };
  if (!text.startsWith('{"error":{')) return unexplained;
  try {
    const body: ErrorBody = JSON.parse(text);
    return body;
  } catch {
    return unexplained;
  }
}

/** @throws {UnreachableError} for what is no JSON: something else than musterd answers there */
function readJson<T>({ endpoint }: TransportOptions, text: string): T {
  try {
    const value: T = JSON.parse(text);
    return value;
  } catch (cause) {
    const why = 'what answers there is not musterd, or its answer was cut short';
    throw new UnreachableError(`cannot reach musterd at ${endpoint.shown}: ${why}`, { cause });
  }
}

function journalQuery({ lines, follow, machine, ...texts }: JournalOptions): string {
  const query = new URLSearchParams();
  if (lines !== undefined) query.set('lines', lines === null ? 'all' : String(lines));
  if (follow === true) query.set('follow', 'true');
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text === 'string') query.set(name, text);
  }
  if (machine !== undefined) query.set('machine', machine);
  return query.toString();
}
