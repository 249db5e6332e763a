import fc from 'fast-check';
import { splitTarget } from './request-target.ts';
import { ApiGround } from './testing/ground.ts';
import type { Answer } from './testing/ground.ts';
import { oddRequests } from './testing/requests.ts';
import type { OddRequest } from './testing/requests.ts';

jest.setTimeout(120_000);

const fleet = [
  '',
  '/',
  '/discovery',
  '/machines',
  '/units',
  '/units/NAME',
  '/state',
  '/state/NAME',
];
const ours = [
  '/version',
  '/cluster',
  '/machines',
  '/states',
  '/units',
  '/units/NAME',
  '/units/destroy',
  '/units/NAME/status',
  '/units/NAME/journal',
  '/units/NAME/explanation',
  '/plan',
  '/local/units/NAME/status',
  '/local/units/NAME/journal',
  '/machines/ID/metadata',
  '/wait',
  '/events',
];

const json = { 'content-type': 'application/json' };
const put = (url: string, body: object): OddRequest => {
  return { method: 'PUT', url, headers: json, body: JSON.stringify(body) };
};
const remove = (url: string): OddRequest => {
  return { method: 'DELETE', url, headers: {}, body: undefined };
};
const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }];
/** What chance may leave out: one made, one that cannot be, one gone. */
const directed: readonly (readonly [OddRequest, number])[] = [
  [put('/v1/units/made.service', { file: '[Service]\nExecStart=/bin/true\n' }), 201],
  [put('/v1/units/made.service', { file: '[Service]\nExecStart=/bin/false\n' }), 409],
  [remove('/v1/units/made.service'), 200],
  [put('/fleet/v1/units/made.service', { desiredState: 'inactive' }), 409],
  [put('/fleet/v1/units/made.service', { desiredState: 'inactive', options }), 201],
  [remove('/fleet/v1/units/made.service'), 204],
];

let ground: ApiGround;
beforeAll(async () => {
  ground = await ApiGround.open({ fleetTokenLimit: 2 });
  ground.cluster.behaviour = (unit) => (unit.name.startsWith('a') ? 'runs' : 'hangs');
  // The first read makes the cluster's own record.
  await ground.ask('GET', '/v1/units');
});
afterAll(() => ground.close());

test.each<[string, string[]]>([
  ['fleet’s API', fleet.flatMap((path) => [`/fleet/v1${path}`, `/v1-alpha${path}`])],
  ['our API', ours.map((path) => `/v1${path}`)],
])(
  '%s: whatever is asked, there is a proper answer, and what is refused stores nothing',
  async (_name, resources) => {
    const seen: number[] = [];
    await fc.assert(
      fc.asyncProperty(oddRequests(resources), async (request) => {
        const before = ground.cluster.store.revision;
        const { method, url, headers, body } = request;
        const answer = await ground.ask(method, url, { headers, body, cutStreams: true });
        seen.push(answer.status);
        expect(faultIn(request, answer)).toBeNull();
        const isStored = ground.cluster.store.revision !== before;
        expect({ answer, isStored: isStored && answer.status >= 400 }).toEqual({
          answer,
          isStored: false,
        });
      }),
      {
        numRuns: Number(process.env['FUZZ_RUNS'] ?? 1500),
        examples: directed.map(([request]) => [request]),
      },
    );
    expect(seen.slice(0, directed.length)).toEqual(directed.map(([, status]) => status));
    // A fuzzer that nothing gets past tests nothing.
    expect(seen.slice(directed.length)).toEqual(
      expect.arrayContaining([200, 201, 204, 400, 404, 405, 415]),
    );
    expect(ground.warnings).toEqual([]);
  },
);

/** What is wrong with an answer; null: nothing. */
function faultIn({ method, url }: OddRequest, { status, headers, text }: Answer): string | null {
  if (status === 500) return `an error of ours: ${text}`;
  const isJson = headers['content-type'] === 'application/json';
  // A stream that was cut has no length.
  const isWhole = method !== 'HEAD' && headers['content-length'] !== undefined;
  if (status < 400) return isJson && isWhole ? jsonFault(text) : null;
  if (method === 'HEAD') return null;
  if (!isJson) return `an error as ${headers['content-type']}`;
  return jsonFault(text) ?? errorFault(JSON.parse(text), { status, url });
}

function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `${String(error)} in ${text.slice(0, 100)}`;
  }
}

function errorFault(
  body: unknown,
  { status, url }: { status: number; url: string },
): string | null {
  const { code, message } = Object(Object(body).error);
  if (typeof message !== 'string') return `a message that is none: ${JSON.stringify(body)}`;
  if (message.length > 2000) return `a message of ${message.length} characters`;
  if (code === 'malformed-request') return null;
  const isFleet = isFleetUrl(url);
  if (isFleet === null) return null;
  const isGood = isFleet ? code === status : /^[a-z-]+$/.test(code) && message !== '';
  return isGood ? null : `a body in another shape: ${JSON.stringify(body)}`;
}

/** null: it is hard to say, because the path leads elsewhere. */
function isFleetUrl(url: string): boolean | null {
  const { path } = splitTarget(url);
  if (/\.\.|%2e/i.test(path) || path.includes('//')) return null;
  return path === '/' || /^\/(?:fleet\/v1|v1-alpha)(?:\/|$)/.test(path);
}
