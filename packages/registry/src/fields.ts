/** Says what is wrong with a record; caught by `parseRecord` and nowhere else. */
class Malformed extends Error {}

export type Parsed<T> =
  | { readonly type: 'parsed'; readonly record: T }
  | { readonly type: 'malformed'; readonly problem: string };

/** Parses JSON and reads its fields; whatever does not fit becomes a result. */
export function parseRecord<T>(json: string, read: (fields: Fields) => T): Parsed<T> {
  try {
    return { type: 'parsed', record: read(new Fields(parseJson(json), '')) };
  } catch (error) {
    if (error instanceof Malformed) return { type: 'malformed', problem: error.message };
    throw error;
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Malformed(`is not JSON: ${JSON.stringify(json.slice(0, 40))}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Typed access to the fields of one JSON object. Every method throws Malformed. */
export class Fields {
  readonly #values: Record<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw new Malformed(`${path === '' ? 'it' : path} is not an object`);
    this.#values = value;
    this.#path = path;
  }

  text(name: string): string {
    const value = this.#values[name];
    if (typeof value !== 'string') throw this.#wrong(name, 'a text');
    return value;
  }

  textOrNull(name: string): string | null {
    return this.#values[name] === null ? null : this.text(name);
  }

  optionalText(name: string): string | undefined {
    return this.#values[name] === undefined ? undefined : this.text(name);
  }

  /** A mark: true, or not there. */
  isMarked(name: string): boolean {
    const value = this.#values[name];
    if (value === undefined || value === true) return value === true;
    throw this.#wrong(name, 'true');
  }

  matching(name: string, pattern: RegExp, what: string): string {
    const value = this.text(name);
    if (!pattern.test(value)) throw this.#wrong(name, what);
    return value;
  }

  /** A number that is finite and not negative. */
  amount(name: string): number {
    const value = this.#values[name];
    if (typeof value !== 'number' || !(value >= 0)) throw this.#wrong(name, 'a number');
    return value;
  }

  count(name: string): number {
    const value = this.#values[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.#wrong(name, 'a whole number');
    }
    return value;
  }

  optionalCount(name: string): number | undefined {
    return this.#values[name] === undefined ? undefined : this.count(name);
  }

  flag(name: string): boolean {
    const value = this.#values[name];
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  countOrNull(name: string): number | null {
    return this.#values[name] === null ? null : this.count(name);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#values[name];
    const found = allowed.find((word) => word === value);
    if (found === undefined) throw this.#wrong(name, `one of ${allowed.join(', ')}`);
    return found;
  }

  object(name: string): Fields {
    return new Fields(this.#values[name], this.#at(name));
  }

  optionalObject(name: string): Fields | undefined {
    return this.#values[name] === undefined ? undefined : this.object(name);
  }

  listOfTexts(name: string): string[] {
    const value = this.#values[name];
    const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
    if (!isList) throw this.#wrong(name, 'a list of texts');
    return value;
  }

  objects(name: string): Fields[] {
    const value = this.#values[name];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value.map((item: unknown, i) => new Fields(item, `${this.#at(name)}[${i}]`));
  }

  /** An object of objects. */
  optionalObjects(name: string): ReadonlyMap<string, Fields> | undefined {
    if (this.#values[name] === undefined) return undefined;
    const fields = this.object(name);
    return new Map(fields.#names().map((key) => [key, fields.object(key)]));
  }

  texts(name: string): Readonly<Record<string, string>> {
    const fields = this.object(name);
    return Object.fromEntries(fields.#names().map((key) => [key, fields.text(key)]));
  }

  textsOrNulls(name: string): Readonly<Record<string, string | null>> {
    const fields = this.object(name);
    return Object.fromEntries(fields.#names().map((key) => [key, fields.textOrNull(key)]));
  }

  #names(): string[] {
    return Object.keys(this.#values);
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #wrong(name: string, wanted: string): Malformed {
    const value = this.#values[name];
    const seen = value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40);
    return new Malformed(`${this.#at(name)} must be ${wanted}, is ${seen}`);
  }
}
