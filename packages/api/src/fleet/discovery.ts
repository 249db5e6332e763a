import { desiredStates } from '@muster/core';

const text = { type: 'string' } as const;
const list = (item: string) => ({ type: 'array', items: { $ref: item } }) as const;
const object = (id: string, properties: object) => ({ id, type: 'object', properties }) as const;
const page = (id: string, items: string, item: string) =>
  object(id, { [items]: list(item), nextPageToken: text });
const inQuery = { type: 'string', location: 'query' } as const;
const inPath = { type: 'string', location: 'path', required: true } as const;

const schemas = {
  Machine: object('Machine', {
    id: text,
    metadata: { type: 'object', additionalProperties: text },
    primaryIP: text,
  }),
  MachinePage: page('MachinePage', 'machines', 'Machine'),
  MetadataOperation: object('MetadataOperation', {
    op: { type: 'string', enum: ['add', 'replace', 'remove'] },
    path: { type: 'string', description: '/MACHINE-ID/metadata/KEY' },
    value: { type: 'any', description: 'A string, or an object with a string "value".' },
  }),
  MetadataOperations: { id: 'MetadataOperations', ...list('MetadataOperation') },
  Unit: object('Unit', {
    currentState: { type: 'string', enum: desiredStates },
    desiredState: { type: 'string', enum: desiredStates },
    machineID: text,
    name: text,
    options: list('UnitOption'),
  }),
  UnitOption: object('UnitOption', { name: text, section: text, value: text }),
  UnitPage: page('UnitPage', 'units', 'Unit'),
  UnitState: object('UnitState', {
    hash: text,
    machineID: text,
    name: text,
    systemdActiveState: text,
    systemdLoadState: text,
    systemdSubState: text,
  }),
  UnitStatePage: page('UnitStatePage', 'states', 'UnitState'),
};

interface Method {
  readonly id: string;
  readonly httpMethod: 'GET' | 'PUT' | 'DELETE' | 'PATCH';
  readonly path: string;
  readonly description: string;
  readonly parameters?: object;
  readonly parameterOrder?: readonly string[];
  readonly request?: { readonly $ref: keyof typeof schemas };
  readonly response?: { readonly $ref: keyof typeof schemas };
}

const pages = { nextPageToken: inQuery };
const ofUnit = { parameters: { unitName: inPath }, parameterOrder: ['unitName'] };

const resources: Readonly<Record<string, { readonly methods: Readonly<Record<string, Method>> }>> =
  {
    Machines: {
      methods: {
        List: {
          id: 'fleet.Machine.List',
          description: 'The machines of the cluster, a page at a time.',
          httpMethod: 'GET',
          path: 'machines',
          parameters: pages,
          response: { $ref: 'MachinePage' },
        },
        Patch: {
          id: 'fleet.Machine.Patch',
          description: 'Sets or removes metadata of machines.',
          httpMethod: 'PATCH',
          path: 'machines',
          request: { $ref: 'MetadataOperations' },
        },
      },
    },
    UnitState: {
      methods: {
        Get: {
          id: 'fleet.UnitState.Get',
          description: 'What systemd says of a unit on the machine that has it.',
          httpMethod: 'GET',
          path: 'state/{unitName}',
          ...ofUnit,
          response: { $ref: 'UnitState' },
        },
        List: {
          id: 'fleet.UnitState.List',
          description: 'What systemd says of units, a page at a time.',
          httpMethod: 'GET',
          path: 'state',
          parameters: { ...pages, machineID: inQuery, unitName: inQuery },
          response: { $ref: 'UnitStatePage' },
        },
      },
    },
    Units: {
      methods: {
        Delete: {
          id: 'fleet.Unit.Delete',
          description: 'Destroys a unit.',
          httpMethod: 'DELETE',
          path: 'units/{unitName}',
          ...ofUnit,
        },
        Get: {
          id: 'fleet.Unit.Get',
          description: 'One unit.',
          httpMethod: 'GET',
          path: 'units/{unitName}',
          ...ofUnit,
          response: { $ref: 'Unit' },
        },
        List: {
          id: 'fleet.Unit.List',
          description: 'The units of the cluster, a page at a time.',
          httpMethod: 'GET',
          path: 'units',
          parameters: pages,
          response: { $ref: 'UnitPage' },
        },
        Set: {
          id: 'fleet.Unit.Set',
          description: 'Creates a unit, gives it other content, or sets its desired state.',
          httpMethod: 'PUT',
          path: 'units/{unitName}',
          ...ofUnit,
          request: { $ref: 'Unit' },
        },
      },
    },
  };

/**
 * What fleet's API offers, as a Google API discovery document: the input of client generators.
 * `$ENDPOINT` is no address. A server behind a unix socket does not know under which one it is
 * reached, so a client puts what it was told to connect to in its place, as fleet's own did.
 */
export const discovery = {
  kind: 'discovery#restDescription',
  discoveryVersion: 'v1',
  id: 'fleet:v1',
  name: 'fleet',
  version: 'v1',
  title: 'fleet API, served by muster',
  description: 'Units and machines of a cluster.',
  protocol: 'rest',
  icons: { x16: '', x32: '' },
  labels: [],
  baseUrl: '$ENDPOINT/fleet/v1/',
  basePath: '/fleet/v1/',
  rootUrl: '$ENDPOINT/',
  servicePath: 'fleet/v1/',
  batchPath: 'batch',
  parameters: {},
  auth: {},
  schemas,
  resources,
};
