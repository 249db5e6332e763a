import fc from 'fast-check';
import { here } from './ground.ts';

/** One request, as somebody careless or hostile would send it. */
export interface OddRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const { constantFrom } = fc;
const unitName = constantFrom(
  'a.service',
  'b.service',
  't@.service',
  't@1.service',
  'x.target',
  'dbus.service',
  'a',
  '',
  '@.service',
  '__proto__',
  '__proto__.service',
  'constructor',
  'ä.service',
  `${'n'.repeat(300)}.service`,
);
const method = fc.oneof(
  { weight: 8, arbitrary: constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD') },
  { weight: 1, arbitrary: constantFrom('OPTIONS', 'TRACE', 'PROPFIND', 'get', 'BREW', 'M-SEARCH') },
);

// ---------------------------------------------------------------- paths and queries

const rawSegment = fc.oneof(
  unitName.map(encodeURIComponent),
  constantFrom(here, 'x', '%', '%zz', '%ff', '%00', '%2F', '..', '.', '', '%2e%2e', '~', '*', '@'),
  fc.stringMatching(/^[!-~]{0,12}$/).map((text) => text.replace(/[?#]/g, '')),
);
const anyPath = fc.array(rawSegment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`);

const pathUnder = (resources: readonly string[]): fc.Arbitrary<string> =>
  fc
    .oneof({ weight: 6, arbitrary: constantFrom(...resources) }, { weight: 1, arbitrary: anyPath })
    .chain((template) =>
      fc
        .tuple(
          fc.oneof({ weight: 4, arbitrary: unitName.map(encodeURIComponent) }, rawSegment),
          fc.oneof(constantFrom(here, 'b'.repeat(32)), rawSegment),
        )
        .map(([unit, machine]) => template.replaceAll('NAME', unit).replaceAll('ID', machine)),
    );

const queryValue = fc.oneof(
  unitName.map(encodeURIComponent),
  constantFrom(here, '', '0', '1', '-1', '1e9', 'true', 'all', 'AgACAA==', 'ZAABAA==', '%', '%ff'),
  constantFrom('unit-state', '7.1', 'false', 'a*'),
  fc.stringMatching(/^[A-Za-z0-9_=%+-]{0,30}$/),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
);
const queryKey = fc.oneof(
  constantFrom('nextPageToken', 'unitName', 'machineID', 'alt', '__proto__', ''),
  constantFrom(
    'after',
    'afterRevision',
    'machine',
    'lines',
    'follow',
    'since',
    'output',
    'unit',
    'type',
  ),
);
const query = fc
  .array(fc.tuple(queryKey, queryValue), { maxLength: 3 })
  .map((pairs) => pairs.map(([key, value]) => `${key}=${value}`).join('&'));

const header = fc.oneof(
  constantFrom<[string, string][]>(
    ['content-type', 'application/json'],
    ['content-type', 'application/json; charset=utf-8'],
    ['content-type', 'text/plain'],
    ['content-type', ''],
    ['expect', 'miracles'],
    ['muster-user', 'ä\u00ff'],
    ['user-agent', ''],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'ws'],
    ['if-match', '*'],
    ['last-event-id', '3'],
    ['last-event-id', 'x'],
  ),
);
const headers = fc.tuple(fc.boolean(), fc.array(header, { maxLength: 2 })).map(([isJson, more]) => {
  const type: [string, string][] = isJson ? [['content-type', 'application/json']] : [];
  return Object.fromEntries([...type, ...more]);
});

// ---------------------------------------------------------------- bodies

const option = fc.record({
  section: constantFrom('Unit', 'Service', 'X-Fleet', '', 'a]b', '\n'),
  name: constantFrom('ExecStart', 'Global', 'MachineID', 'MachineOf', 'Conflicts', ' ', 'a=b', '#'),
  value: fc.oneof(
    constantFrom('/bin/true', 'true', 'a.service', '[', '\\', 'a\nb', ''),
    fc.string(),
  ),
});
const desiredState = constantFrom('inactive', 'loaded', 'launched', 'running', '', 'Loaded');
const file = fc.oneof(
  constantFrom(
    '[Service]\nExecStart=/bin/true\n',
    '',
    'x',
    '[Service]\nExecStart',
    '[X-Fleet]\nGlobal=1\n',
  ),
  fc.string({ maxLength: 60 }),
);
const machines = fc.array(constantFrom(here, 'b'.repeat(32), 'x'), { maxLength: 2 });
const restart = fc.oneof(fc.boolean(), fc.record({ machines }));
const startFailed = fc.boolean();
const unitRequest = fc.record(
  { name: unitName, file, desiredState, restart, startFailed, replace: fc.boolean() },
  { requiredKeys: [] },
);
const machinePath = fc
  .tuple(constantFrom(here, 'b'.repeat(32), 'x'), constantFrom('k', '__proto__', 'a b', ''))
  .map(([machine, key]) => `/${machine}/metadata/${key}`);
const metadataOp = fc.record(
  {
    op: constantFrom('add', 'replace', 'remove', 'move'),
    path: machinePath,
    value: fc.oneof(fc.string({ maxLength: 5 }), fc.record({ value: fc.string({ maxLength: 5 }) })),
  },
  { requiredKeys: ['op', 'path'] },
);
const metadata = fc.dictionary(
  constantFrom('region', 'k', '__proto__', 'constructor', 'a b', ''),
  fc.option(fc.string({ maxLength: 5 })),
);
const shaped: fc.Arbitrary<unknown> = fc.oneof(
  fc.record(
    { name: unitName, options: fc.array(option, { maxLength: 4 }), desiredState },
    { requiredKeys: [] },
  ),
  fc.array(metadataOp, { maxLength: 4 }),
  unitRequest,
  fc.record({ units: fc.array(unitRequest, { maxLength: 4 }) }),
  fc.record({ names: fc.array(unitName, { maxLength: 4 }) }),
  fc.record(
    {
      units: fc.array(unitName, { maxLength: 3 }),
      until: constantFrom('launched', 'loaded', 'inactive', 'absent', 'x'),
      afterRevision: constantFrom(0, 1, -1, 1.5),
      timeoutMs: constantFrom(0, 20, -1),
      machines,
    },
    { requiredKeys: ['units', 'until', 'timeoutMs'] },
  ),
  metadata,
);

const goodName = constantFrom('a.service', 'b.service', 't@1.service', 'x.target');
const goodFile = constantFrom(
  '[Service]\nExecStart=/bin/true\n',
  '[Service]\nExecStart=/bin/false\n',
);
const goodState = constantFrom('inactive', 'loaded', 'launched');
const goodOption = fc.record({
  section: constantFrom('Unit', 'Service', 'X-Fleet'),
  name: constantFrom('ExecStart', 'Description', 'Global'),
  value: constantFrom('/bin/true', 'no', 'a \\\n b'),
});
const goodUnit = fc.record(
  {
    name: goodName,
    file: goodFile,
    desiredState: goodState,
    restart: fc.boolean(),
    replace: fc.constant(true),
  },
  { requiredKeys: ['name', 'file'] },
);
const goodOp = fc.record({
  op: constantFrom('add', 'replace', 'remove'),
  path: fc.constant(`/${here}/metadata/k`),
  value: constantFrom('x', 'y'),
});

/** What goes through; a damaged one is the fuzzer's best. */
const goodRequests: fc.Arbitrary<{ method: string; path: string; body: unknown }> = fc.oneof(
  fc
    .record({ path: goodName, options: fc.array(goodOption, { minLength: 1 }), state: goodState })
    .map(({ path, options, state }) => {
      const body = { name: path, options, desiredState: state };
      return { method: 'PUT', path: `/fleet/v1/units/${path}`, body };
    }),
  fc.array(goodOp, { maxLength: 3 }).map((ops) => {
    return { method: 'PATCH', path: '/v1-alpha/machines', body: ops };
  }),
  goodName.map((name) => ({ method: 'DELETE', path: `/fleet/v1/units/${name}`, body: null })),
  goodUnit.map((unit) => ({ method: 'PUT', path: `/v1/units/${unit.name}`, body: unit })),
  fc.uniqueArray(goodUnit, { selector: ({ name }) => name, maxLength: 3 }).map((units) => {
    return { method: 'POST', path: '/v1/units', body: { units } };
  }),
  fc.uniqueArray(goodUnit, { selector: ({ name }) => name, maxLength: 3 }).map((units) => {
    return { method: 'POST', path: '/v1/plan', body: { units } };
  }),
  fc.uniqueArray(goodName, { maxLength: 2 }).map((names) => {
    return { method: 'POST', path: '/v1/units/destroy', body: { names } };
  }),
  constantFrom('x', null).map((value) => {
    return { method: 'PATCH', path: `/v1/machines/${here}/metadata`, body: { k: value } };
  }),
);

const deep = fc.integer({ min: 1, max: 20_000 }).map((n) => `${'['.repeat(n)}${']'.repeat(n)}`);
const rubble: fc.Arbitrary<Json> = fc.oneof(
  constantFrom<Json[]>(null, true, 0, -1, 1e300, '', 'x', 'x'.repeat(2500), [], {}, [null], {
    a: 1,
  }),
  fc.jsonValue({ maxDepth: 2 }).map((value) => asJson(value)),
);

/** A value with one of its parts, picked by `choices`, put out of shape. */
function damage(value: Json, choices: readonly number[], rubbleNow: Json): Json {
  const [choice = 0, ...rest] = choices;
  const isLeaf = typeof value !== 'object' || value === null;
  if (isLeaf || choices.length === 0) return rubbleNow;
  const keys = Object.keys(value);
  const key = keys[choice % Math.max(1, keys.length)];
  if (Array.isArray(value)) {
    const i = Number(key ?? 0);
    return value.map((item, at) => (at === i ? damage(item, rest, rubbleNow) : item));
  }
  if (key === undefined) return { ...value, odd: rubbleNow };
  const without = Object.entries(value).filter(([name]) => name !== key);
  if (choice % 5 === 0) return Object.fromEntries(without);
  return Object.fromEntries([...without, [key, damage(value[key] ?? null, rest, rubbleNow)]]);
}

const damages = fc.tuple(fc.array(fc.nat(20), { maxLength: 4 }), rubble);
const damaged = fc
  .tuple(shaped, damages)
  .map(([value, [choices, odd]]) => JSON.stringify(damage(asJson(value), choices, odd)));
const nested = fc
  .tuple(
    constantFrom('name', 'options', 'desiredState', 'file', 'units', 'names', 'until', 'k'),
    deep,
  )
  .map(([key, text]) => `{"${key}":${text}}`);
const body: fc.Arbitrary<string | Buffer | undefined> = fc.oneof(
  { weight: 6, arbitrary: shaped.map((value) => JSON.stringify(value)) },
  { weight: 6, arbitrary: damaged },
  { weight: 1, arbitrary: fc.oneof(nested, deep) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

const jsonHeaders = { 'content-type': 'application/json' };
const nearlyGood: fc.Arbitrary<OddRequest> = fc
  .tuple(goodRequests, fc.option(damages, { freq: 2 }), fc.option(headers, { freq: 6 }))
  .map(([good, broken, otherHeaders]) => {
    const value = asJson(good.body);
    const sent = broken === null ? value : damage(value, broken[0], broken[1]);
    return {
      method: good.method,
      url: good.path,
      headers: otherHeaders ?? jsonHeaders,
      body: JSON.stringify(sent),
    };
  });

/** @param resources - paths; `NAME` and `ID` in them stand for a unit and a machine */
export function oddRequests(resources: readonly string[]): fc.Arbitrary<OddRequest> {
  const parts = { method, path: pathUnder(resources), query, headers, body };
  const anything = fc.record(parts).map(({ path, query: search, ...rest }) => {
    return { ...rest, url: search === '' ? path : `${path}?${search}` };
  });
  const oneOfUs = fc.oneof(
    { weight: 3, arbitrary: anything },
    { weight: 1, arbitrary: nearlyGood },
  );
  const server = fc.oneof(
    { weight: 5, arbitrary: fc.constant('') },
    constantFrom('http://domain-sock'),
  );
  return fc
    .tuple(server, oneOfUs)
    .map(([base, request]) => ({ ...request, url: `${base}${request.url}` }));
}

function asJson(value: unknown): Json {
  const json: Json = JSON.parse(JSON.stringify(value));
  return json;
}
