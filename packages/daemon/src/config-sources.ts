import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import {
  configKeyNames,
  configKeys,
  configSections,
  environmentName,
  isConfigKey,
  nearestEnvironmentName,
  nearestKey,
} from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';

/** What was written for one key, not yet understood. */
export interface Setting {
  /** `FILE:LINE`, the name of a variable or of a flag. */
  readonly where: string;
  /** One item for `text`, any number for `list`, `NAME=VALUE` items for `map`. */
  readonly items: readonly string[];
}

/** What one source says, and what is wrong with it as a source. */
export interface Settings {
  readonly settings: ReadonlyMap<ConfigKey, Setting>;
  /** One sentence each. */
  readonly problems: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that begin with `MUSTER_` and are not for the daemon. */
const foreignVariables: ReadonlySet<string> = new Set(['MUSTER_ENDPOINT']);

/** Settings from `MUSTER_…`. Lists are separated by commas; an empty variable counts as not set. */
export function readEnvironment(env: Environment): Settings {
  const keyOf = new Map(configKeyNames.map((key) => [environmentName(key), key]));
  const settings = new Map<ConfigKey, Setting>();
  const problems: string[] = [];
  for (const name of Object.keys(env).toSorted()) {
    const value = env[name];
    if (!name.startsWith('MUSTER_') || foreignVariables.has(name)) continue;
    const key = keyOf.get(name);
    if (key === undefined) {
      problems.push(`${name}: unknown variable; the nearest is ${nearestEnvironmentName(name)}`);
    } else if (value !== undefined && value !== '') {
      const isText = configKeys[key].kind === 'text';
      const items = isText ? [value] : value.split(',').map((item) => item.trim());
      settings.set(key, { where: name, items });
    }
  }
  return { settings, problems };
}

/**
 * Settings from a YAML file. Every scalar is taken as the text that is written there (`1.10` stays
 * `1.10`); a key without a value counts as not set.
 * @param path — names the file in problems
 */
export function readYaml(path: string, text: string): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines });
  const lineAt = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const [reason = ''] = error.message.split('\n');
      const what = reason.replace(/ at line \d+, column \d+:?$/, '');
      return `${lineAt(error.pos[0])}: not valid YAML: ${what}`;
    });
    return { settings: new Map(), problems };
  }
  const walk = new YamlWalk(document, lineAt);
  if (document.contents !== null) walk.section('', document.contents, `${path}:1`);
  return walk;
}

/** Gathers settings and problems on one way through a document. */
class YamlWalk implements Settings {
  readonly settings = new Map<ConfigKey, Setting>();
  readonly problems: string[] = [];
  readonly #document: Document.Parsed;
  readonly #lineAt: (offset: number) => string;

  constructor(document: Document.Parsed, lineAt: (offset: number) => string) {
    this.#document = document;
    this.#lineAt = lineAt;
  }

  /** @param name — '' for the whole file */
  section(name: string, node: unknown, where: string): void {
    const value = this.#resolve(node);
    if (isEmpty(value)) return;
    if (!isMap(value)) {
      const what = name === '' ? 'the file' : name;
      this.problems.push(`${where}: ${what} is ${describe(value)}; expected keys with values`);
      return;
    }
    for (const { key, value: child } of value.items) {
      const word = isScalar(key) ? String(key.value) : '?';
      const line = isScalar(key) && key.range ? this.#lineAt(key.range[0]) : where;
      this.#entry(name === '' ? word : `${name}.${word}`, child, line);
    }
  }

  #entry(path: string, node: unknown, where: string): void {
    if (isConfigKey(path)) this.#setting(path, node, where);
    else if (configSections.has(path)) this.section(path, node, where);
    else this.problems.push(`${where}: unknown key ${path}; the nearest is ${nearestKey(path)}`);
  }

  #setting(key: ConfigKey, node: unknown, where: string): void {
    const value = this.#resolve(node);
    if (isEmpty(value)) return;
    const items = this.#items(configKeys[key].kind, value);
    if (items !== null) {
      this.settings.set(key, { where, items });
      return;
    }
    const { kind, expected } = configKeys[key];
    const shape = { text: '', list: 'a list of ', map: 'a map of ' }[kind];
    this.problems.push(`${where}: ${key} is ${describe(value)}; expected ${shape}${expected}`);
  }

  /** null: not of this kind. */
  #items(kind: 'text' | 'list' | 'map', node: Node | null): readonly string[] | null {
    if (kind === 'text') return isScalar(node) ? [String(node.value)] : null;
    if (kind === 'list') {
      if (!isSeq(node) || node.items.length === 0) return null;
      return allOrNull(node.items.map((item) => scalarText(this.#resolve(item))));
    }
    if (!isMap(node)) return null;
    const pairs = node.items.map(({ key, value }) => {
      const [name, text] = [scalarText(this.#resolve(key)), scalarText(this.#resolve(value))];
      return name === null || text === null ? null : `${name}=${text}`;
    });
    return allOrNull(pairs);
  }

  #resolve(node: unknown): Node | null {
    if (isAlias(node)) return node.resolve(this.#document) ?? null;
    return isScalar(node) || isMap(node) || isSeq(node) ? node : null;
  }
}

function scalarText(node: Node | null): string | null {
  return isScalar(node) ? String(node.value) : null;
}

function allOrNull(items: readonly (string | null)[]): readonly string[] | null {
  const present = items.filter((item) => item !== null);
  return present.length === items.length ? present : null;
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && (node.value === '' || node.value === null));
}

function describe(node: Node | null): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
  return JSON.stringify(scalarText(node) ?? '');
}
