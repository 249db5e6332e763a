import { ApiGround } from '../testing/ground.ts';
import { discovery } from './discovery.ts';

let ground: ApiGround;
beforeAll(async () => {
  ground = await ApiGround.open();
});
afterAll(() => ground.close());

const methods = Object.values(discovery.resources).flatMap((each) => Object.values(each.methods));
const routes = [...new Set(methods.map(({ path }) => path))];

test.each(methods)('$id is served as it says', async ({ httpMethod, path }) => {
  const url = `/${discovery.servicePath}${path.replace('{unitName}', 'no.service')}`;
  const { status } = await ground.ask(httpMethod, url);
  // Without a body a PUT or PATCH is refused, but not for its method or path.
  const expected = { GET: [200, 404], DELETE: [404], PUT: [415], PATCH: [400] }[httpMethod];
  expect(expected).toContain(status);
});

test.each(routes)('no method of %s is left out', async (path) => {
  const url = `/${discovery.servicePath}${path.replace('{unitName}', 'no.service')}`;
  const { headers, status } = await ground.ask('POST', url);
  const described = methods.filter((method) => method.path === path);
  expect(status).toBe(405);
  expect(new Set(headers.allow?.split(', '))).toEqual(
    new Set(described.map(({ httpMethod }) => httpMethod)),
  );
});

test('every schema that is named is there, and none besides', () => {
  const references = JSON.stringify(discovery).matchAll(/"\$ref":"(\w+)"/g);
  const names = [...references].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set(Object.keys(discovery.schemas)));
});

test('it is what generators of clients look for', () => {
  expect(discovery).toMatchObject({
    kind: 'discovery#restDescription',
    discoveryVersion: 'v1',
    id: 'fleet:v1',
    rootUrl: '$ENDPOINT/',
    servicePath: 'fleet/v1/',
  });
  const parameters = methods.flatMap((method) =>
    [...method.path.matchAll(/\{(\w+)\}/g)].map((p) => [method, p[1]] as const),
  );
  for (const [method, name = ''] of parameters) {
    expect(method.parameters).toHaveProperty(name, expect.objectContaining({ location: 'path' }));
  }
});
