import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkUnitName, InvalidInputError } from '@muster/core';
import type {
  Clock,
  ClusterSnapshot,
  DesiredState,
  Revision,
  UnitDetail,
  UnitRegistry,
} from '@muster/core';
import { deriveCurrentState } from '../current-state.ts';
import { sendJson } from '../exchange.ts';
import type { Exchange } from '../exchange.ts';
import { originOf } from '../origin.ts';
import { quoted } from '../quoted.ts';
import { parseJson, readBody } from '../request-body.ts';
import { GlobalUnits } from '../unit-demands.ts';
import { metadataAfter, writeMetadata } from '../write-metadata.ts';
import { destroyUnits } from '../write-units.ts';
import { decideMetadata } from './decide-metadata.ts';
import { decidePut, readPut } from './decide-put.ts';
import { discovery } from './discovery.ts';
import { refusal } from './errors.ts';
import { KeptListings } from './kept-listings.ts';
import type { Listing } from './kept-listings.ts';
import { LoweredUnits } from './lowered-units.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import type { PageToken } from './page-token.ts';
import { cutPage } from './pages.ts';
import type { FleetTarget } from './paths.ts';
import { readMetadataOps, readPutBody } from './read-body.ts';
import type { ReadBody } from './read-body.ts';
import {
  machineRows,
  recordsOf,
  renderRow,
  renderState,
  renderUnit,
  stateRowOf,
  stateRows,
  unitRowOf,
  unitRows,
} from './rows.ts';
import type { Row, UnitRow } from './rows.ts';
import { isLowering } from './show-lowering.ts';

export interface FleetApiOptions {
  readonly units: UnitRegistry;
  readonly self: { readonly machineId: string; readonly hostname: string };
  readonly clock: Clock;
  /** Rows on a page of a list, 1 to 65,535. */
  readonly tokenLimit: number;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

interface ListingKind {
  readonly field: 'units' | 'states' | 'machines';
  /** Tells this listing from every other one that a token could be for. */
  readonly what: string;
  readonly rows: (snapshot: ClusterSnapshot) => readonly Row[];
}

/** A unit file has at most 512 KiB; each of its lines comes with its section's name, in JSON. */
const maxBodyBytes = 8 * 1024 * 1024;
/** How long a list waits for the view to reach what callers have been told already. */
const catchUpMs = 5000;
/** How often a unit that somebody else changed meanwhile is decided anew. */
const maxAttempts = 5;

/**
 * fleet's HTTP API, version 1, for its clients as they are. What is served is the same cluster as
 * under /v1; a unit's content comes and goes as a list of options.
 *
 * Answers to one client follow one another: a list is never older than what this server has told
 * before, in whatever answer.
 */
export class FleetApi {
  readonly #options: FleetApiOptions;
  readonly #kept: KeptListings;
  readonly #lowered: LoweredUnits;
  #tokenLimit: number;
  readonly #globals = new GlobalUnits();
  /** The highest revision that any answer has told of. */
  #told: Revision = 0;

  constructor(options: FleetApiOptions) {
    this.#tokenLimit = checkedLimit(options.tokenLimit);
    this.#options = options;
    this.#kept = new KeptListings(options);
    this.#lowered = new LoweredUnits(options.clock);
  }

  /** Rows on a page from now on. @throws {InvalidInputError} when it is no such number */
  setTokenLimit(limit: number): void {
    this.#tokenLimit = checkedLimit(limit);
  }

  /**
   * @throws {HttpError} what the caller is told
   * @throws {StoreUnavailableError} @throws {StoreUntrustedError} whatever was asked for
   */
  async answer(target: FleetTarget, exchange: Exchange): Promise<void> {
    const { units, self } = this.#options;
    // A server that cannot reach its store says so on every path. Any read shows it.
    await units.machine(self.machineId);
    switch (target.type) {
      case 'prefix':
        throw refusal(405, '');
      case 'nothing':
        throw refusal(404, '');
      case 'malformed':
        throw refusal(400, target.why);
      case 'moved':
        return sendMoved(target.to, exchange);
      case 'discovery':
        onlyGet(exchange, 400, 'only HTTP GET supported against this resource');
        return sendJson(exchange.res, 200, discovery);
      case 'machines':
        return this.#machines(exchange);
      case 'units':
        onlyGet(exchange);
        return this.#list(exchange, {
          field: 'units',
          what: 'units',
          rows: (snapshot) => unitRows(snapshot, this.#globals),
        });
      case 'unit':
        return this.#unit(exchange, target.name);
      case 'states':
        onlyGet(exchange);
        return this.#list(exchange, listingOfStates(exchange.query));
      case 'state':
        onlyGet(exchange);
        return this.#state(exchange, target.name);
    }
  }

  async #machines(exchange: Exchange): Promise<void> {
    switch (exchange.req.method ?? '') {
      case 'GET':
        return this.#list(exchange, { field: 'machines', what: 'machines', rows: machineRows });
      case 'PATCH':
        return this.#patchMachines(exchange);
      default:
        throw notAllowed(['GET', 'PATCH']);
    }
  }

  async #unit(exchange: Exchange, name: string): Promise<void> {
    switch (exchange.req.method ?? '') {
      case 'GET':
        return this.#getUnit(exchange, name);
      case 'PUT':
        return this.#putUnit(exchange, name);
      case 'DELETE':
        return this.#deleteUnit(exchange, name);
      default:
        throw notAllowed(['GET', 'PUT', 'DELETE']);
    }
  }

  async #list({ res, query }: Exchange, { field, what, rows }: ListingKind): Promise<void> {
    const tokenLimit = this.#tokenLimit;
    const token = readToken(query, tokenLimit);
    const from = token?.continued ?? null;
    const kept = from === null ? null : this.#kept.find(from.listing, what);
    const listing = kept ?? (await this.#listNow({ what, rows }, from?.revision ?? 0));
    const page = cutPage(listing.rows, token, tokenLimit);
    const body = page.rows.length === 0 ? {} : { [field]: page.rows.map(renderRow) };
    const id = from !== null && kept !== null ? from.listing : null;
    if (page.next === null) {
      if (id !== null) this.#kept.drop(id);
      return sendJson(res, 200, body);
    }
    const { revision } = listing;
    const nextPageToken = encodePageToken({
      limit: tokenLimit,
      page: (token?.page ?? 1) + 1,
      continued: { listing: id ?? this.#kept.keep(listing), revision, after: page.next },
    });
    sendJson(res, 200, { nextPageToken, ...body });
  }

  async #listNow(
    { what, rows }: Pick<ListingKind, 'what' | 'rows'>,
    atLeast: Revision,
  ): Promise<Listing> {
    const view = await this.#options.units.cluster();
    const known = Math.max(atLeast, this.#told);
    const snapshot = known === 0 ? view.snapshot() : await view.atLeast(known, catchUpMs);
    const { revision } = snapshot;
    return this.#kept.made(what, revision) ?? { what, revision, rows: rows(snapshot) };
  }

  async #getUnit({ res }: Exchange, name: string): Promise<void> {
    const detail = await this.#detail(name);
    if (detail === null) throw noSuchUnit();
    const row = unitRowOf(detail, this.#globals);
    const { currentState: _, ...unit } = renderUnit(row);
    const currentState = row.isGlobal ? null : this.#shownState(detail, row);
    sendJson(res, 200, currentState === null ? unit : { currentState, ...unit });
  }

  #shownState(detail: UnitDetail, { unit, currentState }: UnitRow): DesiredState | null {
    const isDone = deriveCurrentState(recordsOf(detail)) === 'loaded';
    const { name, modRevision } = unit;
    return this.#lowered.show(name, { modRevision, currentState, isDone });
  }

  /** Never 404: clients do not expect that a unit has no state yet. */
  async #state({ res }: Exchange, name: string): Promise<void> {
    const detail = await this.#detail(name);
    const row = detail === null ? null : stateRowOf(detail);
    sendJson(res, 200, row === null ? {} : renderState(row));
  }

  async #putUnit(exchange: Exchange, name: string): Promise<void> {
    const { req, res } = exchange;
    checkContentType(req);
    const json = await decodeBody(exchange);
    const put = readPut(name, bodyOf(readPutBody(json)));
    if ('type' in put) throw refusal(put.status, put.message);
    const { units, self, clock } = this.#options;
    const origin = originOf(req, self.hostname, clock.now());
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const current = (await units.units([name])).get(name) ?? null;
      if (current !== null) this.#tell(current.unit.modRevision);
      const decision = decidePut(put, { current, origin });
      if (decision.type === 'refused') throw refusal(decision.status, decision.message);
      if (decision.write === null) return sendNothing(res, decision.status);
      const [outcome] = await units.write([decision.write]);
      if (outcome?.type === 'written') {
        if (isLowering(current?.unit ?? null, decision.write)) {
          this.#lowered.note(name, outcome.revision);
        }
        this.#tell(outcome.revision);
        return sendNothing(res, decision.status);
      }
    }
    throw busy(name);
  }

  async #deleteUnit({ req, res }: Exchange, name: string): Promise<void> {
    if (checkUnitName(name) !== null) throw noSuchUnit();
    const { units, self, clock } = this.#options;
    const origin = originOf(req, self.hostname, clock.now());
    const [result] = await destroyUnits(units, [name], origin);
    if (result === undefined || result.result === 'absent') throw noSuchUnit();
    if (result.result === 'conflict') throw busy(name);
    this.#tell(result.revision);
    sendNothing(res, 204);
  }

  async #patchMachines(exchange: Exchange): Promise<void> {
    const { req, res, signal } = exchange;
    const { units, clock, self } = this.#options;
    const json = await decodeBody(exchange);
    const decision = decideMetadata(bodyOf(readMetadataOps(json)));
    if (decision.type === 'refused') throw refusal(400, decision.message);
    const snapshot = (await units.cluster()).snapshot();
    // Found out only when it is written, what is too much would leave the machines before it changed.
    for (const [machine, patch] of decision.patches) metadataAfter(snapshot, machine, patch);
    const origin = originOf(req, self.hostname, clock.now());
    for (const [machine, patch] of decision.patches) {
      const { revision } = await writeMetadata({ units, clock, origin, signal }, machine, patch);
      this.#tell(revision);
    }
    sendNothing(res, 204, { 'Content-Type': 'application/json' });
  }

  async #detail(name: string): Promise<UnitDetail | null> {
    if (checkUnitName(name) !== null) return null;
    const detail = await this.#options.units.detail(name);
    for (const { modRevision } of revisedIn(detail)) this.#tell(modRevision);
    return detail;
  }

  #tell(revision: Revision): void {
    this.#told = Math.max(this.#told, revision);
  }
}

function listingOfStates(query: URLSearchParams): ListingKind {
  const unit = query.get('unitName') || null;
  const machine = query.get('machineID') || null;
  return {
    field: 'states',
    what: JSON.stringify(['states', unit, machine]),
    rows: (snapshot) => stateRows(snapshot, { unit, machine }),
  };
}

function revisedIn(detail: UnitDetail | null): readonly { readonly modRevision: Revision }[] {
  return detail === null ? [] : [detail.unit, ...detail.assignments, ...detail.states];
}

function readToken(query: URLSearchParams, limit: number): PageToken | null {
  const values = query.getAll('nextPageToken');
  if (values.length === 0) return null;
  const decoded = decodePageToken(values, limit);
  if (decoded.type === 'refused') throw refusal(400, decoded.why);
  return decoded.token;
}

function onlyGet(
  { req }: Exchange,
  status = 405,
  message = 'only GET supported against this resource',
): void {
  if (req.method !== 'GET') throw refusal(status, message, { Allow: 'GET' });
}

function notAllowed(methods: readonly string[]): Error {
  const names = `${methods.slice(0, -1).join(', ')} and ${methods.at(-1)}`;
  const Allow = methods.join(', ');
  return refusal(405, `only ${names} supported against this resource`, { Allow });
}

function noSuchUnit(): Error {
  return refusal(404, 'unit does not exist');
}

function busy(name: string): Error {
  return refusal(409, `unit ${quoted(name)} is being changed by others, try again`);
}

/** Exactly one, of JSON; parameters are passed over. */
function checkContentType(req: IncomingMessage): void {
  const types = req.headersDistinct['content-type'] ?? [];
  const [type = ''] = types;
  if (types.length !== 1) throw refusal(415, `expected 1 Content-Type, got ${types.length}`);
  if (!/^\s*application\/json\s*(?:;|$)/i.test(type)) {
    throw refusal(415, 'only acceptable Content-Type is application/json');
  }
}

async function decodeBody(exchange: Exchange): Promise<unknown> {
  const bytes = await readBody(exchange, maxBodyBytes);
  const json = parseJson(bytes);
  if (json.type === 'parsed') return json.value;
  throw undecodable(bytes.length === 0 ? 'EOF' : json.why);
}

function bodyOf<T>(read: ReadBody<T>): T {
  if (read.type === 'read') return read.body;
  throw undecodable(read.why);
}

function undecodable(why: string): Error {
  return refusal(400, `unable to decode body: ${why}`);
}

function sendMoved(to: string, { res, query }: Exchange): void {
  const search = query.toString();
  sendNothing(res, 301, { Location: search === '' ? to : `${to}?${search}` });
}

function sendNothing(
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = status === 204 ? {} : { 'Content-Length': '0' };
  res.writeHead(status, { ...headers, ...length });
  res.end();
}

function checkedLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 65_535) return limit;
  throw new InvalidInputError(
    `the token limit must be a whole number from 1 to 65535, not ${limit}`,
  );
}
