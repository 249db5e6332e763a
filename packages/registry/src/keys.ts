import { InvalidInputError } from '@muster/core';
import { keysUnder } from './store.ts';
import type { KeyRange } from './store.ts';

/** Names of keys under one prefix. The layout is docs/architecture.md's. */
export interface Keys {
  readonly all: KeyRange;
  readonly cluster: string;
  readonly leader: string;
  readonly audit: string;
  readonly brake: string;
  readonly policy: string;
  readonly rebalance: string;
  loss(machine: string): string;
  file(hash: string): string;
  unit(name: string): string;
  placement(unit: string): string;
  machine(id: string): string;
  settings(machine: string): string;
  assignment(machine: string, unit: string): string;
  assignmentsOf(machine: string): KeyRange;
  state(machine: string, unit: string): string;
  statesOf(machine: string): KeyRange;
  told(machine: string): string;
  /** What a key is about; `unknown` for keys outside the prefix or of a kind this version lacks. */
  path(key: string): KeyPath;
}

export type KeyPath =
  | { readonly type: 'cluster' | 'leader' | 'audit' | 'brake' | 'policy' | 'rebalance' | 'unknown' }
  | { readonly type: 'file'; readonly hash: string }
  | { readonly type: 'unit' | 'placement'; readonly unit: string }
  | { readonly type: 'machine' | 'settings' | 'loss' | 'told'; readonly machine: string }
  | { readonly type: 'assignment' | 'state'; readonly machine: string; readonly unit: string };

/** @throws {InvalidInputError} when the prefix is not like `/muster` */
export function keysOf(prefix: string): Keys {
  if (!/^(\/[\w.-]+)+$/.test(prefix)) {
    throw new InvalidInputError(
      `etcd prefix "${prefix}": it must look like /muster (begin with a slash, not end with one)`,
    );
  }
  const under = `${prefix}/`;
  return {
    all: keysUnder(under),
    cluster: `${under}cluster`,
    leader: `${under}leader`,
    audit: `${under}audit`,
    brake: `${under}brake`,
    policy: `${under}policy`,
    rebalance: `${under}rebalance`,
    loss: (machine) => `${under}loss/${machine}`,
    file: (hash) => `${under}file/${hash}`,
    unit: (name) => `${under}unit/${name}`,
    placement: (unit) => `${under}placement/${unit}`,
    machine: (id) => `${under}machine/${id}`,
    settings: (machine) => `${under}machine-settings/${machine}`,
    assignment: (machine, unit) => `${under}assignment/${machine}/${unit}`,
    assignmentsOf: (machine) => keysUnder(`${under}assignment/${machine}/`),
    state: (machine, unit) => `${under}state/${machine}/${unit}`,
    statesOf: (machine) => keysUnder(`${under}state/${machine}/`),
    told: (machine) => `${under}told/${machine}`,
    path: (key) =>
      key.startsWith(under) ? parsePath(key.slice(under.length)) : { type: 'unknown' },
  };
}

function parsePath(path: string): KeyPath {
  const [kind, first = '', second = '', ...rest] = path.split('/');
  if (rest.length > 0) return { type: 'unknown' };
  const depth = second !== '' ? 2 : first !== '' ? 1 : 0;
  if (path.endsWith('/')) return { type: 'unknown' };
  switch (`${kind}:${depth}`) {
    case 'cluster:0':
      return { type: 'cluster' };
    case 'leader:0':
      return { type: 'leader' };
    case 'audit:0':
      return { type: 'audit' };
    case 'brake:0':
      return { type: 'brake' };
    case 'policy:0':
      return { type: 'policy' };
    case 'rebalance:0':
      return { type: 'rebalance' };
    case 'file:1':
      return { type: 'file', hash: first };
    case 'unit:1':
      return { type: 'unit', unit: first };
    case 'placement:1':
      return { type: 'placement', unit: first };
    case 'machine:1':
      return { type: 'machine', machine: first };
    case 'machine-settings:1':
      return { type: 'settings', machine: first };
    case 'loss:1':
      return { type: 'loss', machine: first };
    case 'told:1':
      return { type: 'told', machine: first };
    case 'assignment:2':
      return { type: 'assignment', machine: first, unit: second };
    case 'state:2':
      return { type: 'state', machine: first, unit: second };
    default:
      return { type: 'unknown' };
  }
}
