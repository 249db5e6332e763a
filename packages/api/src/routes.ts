import type { IncomingMessage } from 'node:http';
import { NotFoundError, parseUnitFile, UnitFileSyntaxError } from '@muster/core';
import type {
  Clock,
  ClusterSnapshot,
  Explainer,
  Inspector,
  Origin,
  UnitFile,
  UnitRegistry,
} from '@muster/core';
import { renderAbsent, renderBrake } from './absent-machines.ts';
import { EventStreams } from './events/event-streams.ts';
import { sendJson, sendJsonText } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { getExplanation, postPlan } from './explain-units.ts';
import type { Forwarder } from './forwarder.ts';
import { HttpError } from './http-error.ts';
import { inspectHere, inspectUnit } from './inspect.ts';
import { getMachineUse, getOwnUse } from './machine-use.ts';
import type { UseOptions } from './machine-use.ts';
import { KeptAnswers } from './kept-answers.ts';
import { snapshotFor } from './list-snapshot.ts';
import { originOf } from './origin.ts';
import {
  readDestroyRequest,
  readMachineId,
  readMachinesRequest,
  readMetadataPatch,
  readPolicyRequest,
  readRebalanceRequest,
  readUnitName,
  readUnitRequest,
  readUnitsRequest,
  readWaitRequest,
} from './read-request.ts';
import { readJson } from './request-body.ts';
import {
  renderCluster,
  renderDetail,
  renderMachines,
  renderStates,
  renderUnits,
} from './render.ts';
import type { Route } from './router.ts';
import { UnitNeeds } from './promised.ts';
import { StreamLimit } from './stream-limit.ts';
import { GlobalUnits } from './unit-demands.ts';
import { waitForUnits } from './wait.ts';
import type { MetadataBody, VersionBody, WaitLine } from './wire.ts';
import { acceptLosses, forgetMachine } from './write-losses.ts';
import { writePolicy } from './write-policy.ts';
import { beginRebalance, renderRebalance, stopRebalance } from './write-rebalance.ts';
import { writeMetadata } from './write-metadata.ts';
import { destroyUnits, writeUnits } from './write-units.ts';

export interface RoutesOptions {
  readonly units: UnitRegistry;
  readonly inspector: Inspector;
  readonly explainer: Explainer;
  readonly self: {
    readonly machineId: string;
    readonly hostname: string;
    readonly version: string;
  };
  readonly clock: Clock;
  readonly forward: Forwarder;
  /** How this musterd stands, in one line; asked for whenever somebody wants to know. */
  readonly standing?: () => string;
  /** Names of units that are assigned to this machine; absent: none are. */
  readonly ownUnits?: () => readonly string[];
  /** What `/metrics` answers; absent: there is no such path. */
  readonly metrics?: MetricsPage;
}

/** Numbers about this musterd, as monitoring asks for them. */
export interface MetricsPage {
  readonly contentType: string;
  readonly render: () => Promise<string>;
}

const maxJournals = 100;

interface Context extends RoutesOptions {
  readonly globals: GlobalUnits;
  readonly needs: UnitNeeds;
  readonly inspect: UseOptions;
  readonly events: EventStreams;
}

/** Everything that is answered under /v1, and `/metrics`. */
export function createRoutes(options: RoutesOptions): readonly Route[] {
  const { units: registry, inspector, forward, self, clock } = options;
  const { machineId } = self;
  const journals = new StreamLimit(maxJournals, 'journals');
  const inspect: UseOptions = {
    ownUnits: options.ownUnits ?? (() => []),
    clock,
    registry,
    inspector,
    forward,
    machineId,
    journals,
  };
  const events = new EventStreams({ history: registry.history, clock });
  const context: Context = {
    ...options,
    globals: new GlobalUnits(),
    needs: new UnitNeeds(),
    inspect,
    events,
  };
  const routes = [...clusterRoutes(context), ...unitRoutes(context), ...inspectRoutes(context)];
  return options.metrics === undefined ? routes : [...routes, metricsRoute(options.metrics)];
}

function metricsRoute({ contentType, render }: MetricsPage): Route {
  const answer = async ({ res }: Exchange): Promise<void> => {
    const text = Buffer.from(await render());
    res.writeHead(200, { 'Content-Type': contentType, 'Content-Length': text.length });
    res.end(text);
  };
  return { path: '/metrics', methods: { GET: answer } };
}

function clusterRoutes(context: Context): Route[] {
  const { self, globals, needs, events, explainer } = context;
  const version = (): VersionBody => ({
    version: self.version,
    machine: self.machineId,
    hostname: self.hostname,
    ...(context.standing === undefined ? {} : { standing: context.standing() }),
  });
  const list =
    (render: (snapshot: ClusterSnapshot) => unknown) =>
    async (exchange: Exchange): Promise<void> =>
      sendJson(exchange.res, 200, render(await snapshotFor(exchange, context)));
  const kept = new KeptAnswers<ClusterSnapshot>();
  const longList =
    (render: (snapshot: ClusterSnapshot) => unknown) =>
    async (exchange: Exchange): Promise<void> => {
      const snapshot = await snapshotFor(exchange, context);
      sendJsonText(exchange.res, 200, kept.of(snapshot, render));
    };
  return [
    { path: '/v1/version', methods: { GET: async ({ res }) => sendJson(res, 200, version()) } },
    {
      path: '/v1/cluster',
      methods: {
        GET: list(renderCluster),
        PATCH: (exchange) => patchCluster(exchange, context),
      },
    },
    {
      path: '/v1/machines',
      methods: {
        GET: longList((s) =>
          withRevision(s, { machines: renderMachines(s, needs), absent: renderAbsent(s) }),
        ),
      },
    },
    {
      path: '/v1/states',
      methods: {
        GET: longList((s) => {
          return withRevision(s, { states: renderStates(s), pending: explainer.pending(s) });
        }),
      },
    },
    {
      path: '/v1/units',
      methods: {
        GET: longList((s) => withRevision(s, { units: renderUnits(s, globals) })),
        POST: (exchange) => postUnits(exchange, context),
      },
    },
    { path: '/v1/events', methods: { GET: (exchange) => events.serve(exchange) } },
    { path: '/v1/wait', methods: { POST: (exchange) => postWait(exchange, context) } },
    {
      path: '/v1/brake',
      methods: {
        GET: list((s) => withRevision(s, { ...renderBrake(s), absent: renderAbsent(s) })),
      },
    },
    {
      path: '/v1/brake/release',
      methods: { POST: (exchange) => postRelease(exchange, context) },
    },
    {
      path: '/v1/rebalance',
      methods: {
        GET: list((s) => withRevision(s, { rebalance: renderRebalance(s) })),
        POST: (exchange) => postRebalance(exchange, context),
        DELETE: (exchange) => deleteRebalance(exchange, context),
      },
    },
    {
      path: '/v1/rebalance/plan',
      methods: { GET: list((s) => withRevision(s, { ...explainer.rebalance(s) })) },
    },
    {
      path: '/v1/machines/{id}',
      methods: { DELETE: (exchange) => deleteMachine(exchange, context) },
    },
    {
      path: '/v1/machines/{id}/metadata',
      methods: { PATCH: (exchange) => patchMachine(exchange, context) },
    },
  ];
}

function unitRoutes(context: Context): Route[] {
  return [
    {
      path: '/v1/units/destroy',
      methods: { POST: (exchange) => postDestroy(exchange, context) },
    },
    {
      path: '/v1/units/{name}/explanation',
      methods: { GET: (exchange) => getExplanation(exchange, context) },
    },
    { path: '/v1/plan', methods: { POST: (exchange) => postPlan(exchange, context) } },
    {
      path: '/v1/units/{name}',
      methods: {
        GET: (exchange) => getUnit(exchange, context),
        PUT: (exchange) => putUnit(exchange, context),
        DELETE: (exchange) => deleteUnit(exchange, context),
      },
    },
  ];
}

function inspectRoutes({ inspect }: Context): Route[] {
  const ofUnits = (['status', 'journal'] as const).flatMap((what) => [
    {
      path: `/v1/units/{name}/${what}`,
      methods: { GET: (exchange: Exchange) => inspectUnit(what, exchange, inspect) },
    },
    {
      path: `/v1/local/units/{name}/${what}`,
      methods: { GET: (exchange: Exchange) => inspectHere(what, exchange, inspect) },
    },
  ]);
  return [
    ...ofUnits,
    {
      path: '/v1/machines/{id}/use',
      methods: { GET: (exchange) => getMachineUse(exchange, inspect) },
    },
    { path: '/v1/local/use', methods: { GET: (exchange) => getOwnUse(exchange, inspect) } },
  ];
}

/** What a list that waits for something newer has to name. */
function withRevision(
  { revision }: ClusterSnapshot,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return { revision, ...body };
}

async function getUnit({ res, params }: Exchange, { units, globals }: Context): Promise<void> {
  const name = readUnitName(params['name'] ?? '');
  const detail = await units.detail(name);
  if (detail === null) throw new NotFoundError(`unit "${name}" does not exist`);
  const isGlobal = globals.demandsOf(detail.unit, detail.file) !== null;
  sendJson(res, 200, renderDetail(detail, parseStored(detail.file), isGlobal));
}

function parseStored(text: string | null): UnitFile | null {
  if (text === null) return null;
  try {
    return parseUnitFile(text);
  } catch (error) {
    // The text itself is shown, whatever it is.
    if (error instanceof UnitFileSyntaxError) return null;
    throw error;
  }
}

async function putUnit(exchange: Exchange, context: Context): Promise<void> {
  const { req, res, params } = exchange;
  const request = readUnitRequest(await readJson(exchange), readUnitName(params['name'] ?? ''));
  const [result] = await writeUnits(context.units, [request], whoAsks(req, context));
  if (result === undefined || result.result === 'conflict') throw busy(request.name);
  sendJson(res, result.result === 'created' ? 201 : 200, result);
}

async function postUnits(exchange: Exchange, context: Context): Promise<void> {
  const { req, res } = exchange;
  const requests = readUnitsRequest(await readJson(exchange));
  const results = await writeUnits(context.units, requests, whoAsks(req, context));
  sendJson(res, 200, { revision: highest(results), units: results });
}

async function postDestroy(exchange: Exchange, context: Context): Promise<void> {
  const { req, res } = exchange;
  const names = readDestroyRequest(await readJson(exchange));
  const results = await destroyUnits(context.units, names, whoAsks(req, context));
  sendJson(res, 200, { revision: highest(results), units: results });
}

async function deleteUnit({ req, res, params }: Exchange, context: Context): Promise<void> {
  const name = readUnitName(params['name'] ?? '');
  const [result] = await destroyUnits(context.units, [name], whoAsks(req, context));
  if (result?.result === 'absent') throw new NotFoundError(`unit "${name}" does not exist`);
  if (result === undefined || result.result === 'conflict') throw busy(name);
  sendJson(res, 200, result);
}

function whoAsks(req: IncomingMessage, { self, clock }: Context): Origin {
  return originOf(req, self.hostname, clock.now());
}

function busy(name: string): HttpError {
  return new HttpError(409, 'conflict', `unit "${name}" is being changed by others, try again`);
}

function highest(results: readonly { readonly revision: number }[]): number {
  return results.reduce((max, { revision }) => Math.max(max, revision), 0);
}

async function postWait(exchange: Exchange, context: Context): Promise<void> {
  const { res, signal } = exchange;
  const { units, globals, explainer, clock } = context;
  const request = readWaitRequest(await readJson(exchange));
  const view = await units.cluster();
  // Before the answer begins, an unreadable store is a proper error.
  view.snapshot();
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  res.flushHeaders();
  const send = (line: WaitLine): void => {
    // Who does not read has no use for them, and they would pile up.
    const isIdle = line.type === 'waiting' && res.writableNeedDrain;
    if (!signal.aborted && !isIdle) res.write(`${JSON.stringify(line)}\n`);
  };
  await waitForUnits({ view, globals, explainer, clock, request, send, signal });
  res.end();
}

async function patchMachine(exchange: Exchange, context: Context): Promise<void> {
  const { units, clock } = context;
  const { req, res, params, signal } = exchange;
  const machine = readMachineId(params['id'] ?? '');
  const patch = readMetadataPatch(await readJson(exchange));
  const { metadata, isPresent } = await writeMetadata(
    { units, clock, signal, origin: whoAsks(req, context) },
    machine,
    patch,
  );
  const body: MetadataBody = { machine, metadata, isPresent };
  sendJson(res, 200, body);
}

async function patchCluster(exchange: Exchange, context: Context): Promise<void> {
  const { units, clock } = context;
  const { req, res, signal } = exchange;
  const patch = readPolicyRequest(await readJson(exchange));
  const writer = { units, clock, signal, origin: whoAsks(req, context) };
  sendJson(res, 200, await writePolicy(writer, patch));
}

async function postRebalance(exchange: Exchange, context: Context): Promise<void> {
  const { units, explainer, clock } = context;
  const { req, res, signal } = exchange;
  const request = readRebalanceRequest(await readJson(exchange));
  const writer = { units, explainer, clock, signal, origin: whoAsks(req, context) };
  const body = await beginRebalance(writer, request);
  sendJson(res, body.result === 'begun' ? 202 : 200, body);
}

async function deleteRebalance(exchange: Exchange, context: Context): Promise<void> {
  const { units, explainer, clock } = context;
  const { req, res, signal } = exchange;
  const writer = { units, explainer, clock, signal, origin: whoAsks(req, context) };
  const body = await stopRebalance(writer);
  sendJson(res, body.result === 'ending' ? 202 : 200, body);
}

async function postRelease(exchange: Exchange, context: Context): Promise<void> {
  const { units, clock } = context;
  const { req, res, signal } = exchange;
  const machines = readMachinesRequest(await readJson(exchange));
  const writer = { units, clock, signal, origin: whoAsks(req, context) };
  sendJson(res, 200, await acceptLosses(writer, machines));
}

async function deleteMachine(exchange: Exchange, context: Context): Promise<void> {
  const { units, clock } = context;
  const { req, res, params, signal } = exchange;
  const machine = readMachineId(params['id'] ?? '');
  const body = await forgetMachine(
    { units, clock, signal, origin: whoAsks(req, context) },
    machine,
  );
  sendJson(res, body.result === 'pending' ? 202 : 200, body);
}
