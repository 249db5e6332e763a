import type { UnitOption } from '@muster/core';

/** What a PUT asks for, before any of it is judged. */
export interface PutBody {
  /** '' when it has none. */
  readonly name: string;
  /** Empty when it has none. */
  readonly options: readonly UnitOption[];
  /** Any text; '' when it has none. */
  readonly desiredState: string;
}

export type ReadBody<T> =
  | { readonly type: 'read'; readonly body: T }
  /** `why` names the field. */
  | { readonly type: 'malformed'; readonly why: string };

/** Caught by `readPutBody` and `readMetadataOps` and nowhere else. */
class Malformed extends Error {}

/**
 * Reads the body of a PUT as fleet did: keys in any case, those it does not know passed over, null
 * the same as absent. What systemd would cut off (blanks around a name or value) is cut off here,
 * so that the hash of a unit is that of what is stored.
 */
export function readPutBody(json: unknown): ReadBody<PutBody> {
  return orMalformed(() => {
    const body = json === null ? {} : objectOf(json, 'the body');
    return {
      name: textOf(field(body, 'name'), 'name'),
      options: listOf(field(body, 'options'), 'options').map(readOption),
      desiredState: textOf(field(body, 'desiredState'), 'desiredState'),
    };
  });
}

/** One step of a PATCH; nothing of it is judged yet. `value` is '' when there is none. */
export interface MetadataOpBody {
  readonly op: string;
  readonly path: string;
  readonly value: string;
}

/** Reads the body of a PATCH. A value is `"x"`, as fleet's documents had it, or `{"value": "x"}`, as its program had it. */
export function readMetadataOps(json: unknown): ReadBody<readonly MetadataOpBody[]> {
  return orMalformed(() =>
    listOf(json, 'the body').map((item, i) => {
      const at = `[${i}]`;
      const op = item === null ? {} : objectOf(item, at);
      return {
        op: textOf(field(op, 'op'), `${at}.op`),
        path: textOf(field(op, 'path'), `${at}.path`),
        value: readValue(field(op, 'value'), `${at}.value`),
      };
    }),
  );
}

function readValue(value: unknown, path: string): string {
  if (value === null || typeof value !== 'object') return textOf(value, path);
  return textOf(field(objectOf(value, path), 'value'), `${path}.value`);
}

function readOption(item: unknown, index: number): UnitOption {
  const at = `options[${index}]`;
  const option = objectOf(item, at);
  return {
    section: textOf(field(option, 'section'), `${at}.section`),
    name: trimmed(textOf(field(option, 'name'), `${at}.name`)),
    value: trimmed(textOf(field(option, 'value'), `${at}.value`)),
  };
}

function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

function orMalformed<T>(read: () => T): ReadBody<T> {
  try {
    return { type: 'read', body: read() };
  } catch (error) {
    if (error instanceof Malformed) return { type: 'malformed', why: error.message };
    throw error;
  }
}

/** The last of the keys that differ from `name` in nothing but case. */
function field(object: object, name: string): unknown {
  const wanted = name.toLowerCase();
  return Object.entries(object).findLast(([key]) => key.toLowerCase() === wanted)?.[1];
}

function objectOf(value: unknown, path: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Malformed(`${path} must be an object`);
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new Malformed(`${path} must be an array`);
}

function textOf(value: unknown, path: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new Malformed(`${path} must be a string`);
}
