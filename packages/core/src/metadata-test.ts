import type { Metadata } from './model.ts';

/** What is asked of one key of a machine's metadata. */
export type MetadataTest =
  | { readonly type: 'in' | 'not-in'; readonly key: string; readonly values: readonly string[] }
  | { readonly type: 'present' | 'absent'; readonly key: string }
  | { readonly type: Comparison; readonly key: string; readonly limit: number };

type Comparison = '<' | '<=' | '>' | '>=';

/** Of keys that a machine can have. */
const keyForm = '[A-Za-z0-9_.-]+';
const listForm = new RegExp(`^(${keyForm})\\s+(not\\s+)?in\\s*\\(([^()]*)\\)$`);
const operatorForm = new RegExp(`^(${keyForm})\\s*(!=|<=|>=|<|>)\\s*(.+)$`);
const presenceForm = new RegExp(`^(!?)(${keyForm})$`);
const numberForm = /^[+-]?\d+(?:\.\d+)?$/;

/** Reads `key!=value` and `key<8`, `<=`, `>`, `>=`. null: it is none of these. */
export function parseComparison(text: string): MetadataTest | null {
  const [, key = '', operator = '', operand = ''] = operatorForm.exec(text) ?? [];
  if (operand === '' || /["=]/.test(operand)) return null;
  if (operator === '!=') return { type: 'not-in', key, values: [operand] };
  if (!isComparison(operator) || !numberForm.test(operand)) return null;
  return { type: operator, key, limit: Number(operand) };
}

/** Reads `key in (a, b)` and `key not in (a, b)`. null: it is neither. */
export function parseMembership(text: string): MetadataTest | null {
  const [, key = '', not, list = ''] = listForm.exec(text) ?? [];
  const values = list.split(',').map((value) => value.trim());
  if (key === '' || values.some((value) => value === '' || value.includes('"'))) return null;
  return { type: not === undefined ? 'in' : 'not-in', key, values: [...new Set(values)] };
}

/** Reads `key` and `!key`. null: it is neither. */
export function parsePresence(text: string): MetadataTest | null {
  const [, not, key = ''] = presenceForm.exec(text) ?? [];
  if (key === '') return null;
  return { type: not === '!' ? 'absent' : 'present', key };
}

export function isMetadataKeyForm(key: string): boolean {
  return new RegExp(`^${keyForm}$`).test(key);
}

function isComparison(operator: string): operator is Comparison {
  return ['<', '<=', '>', '>='].includes(operator);
}

/** Whether metadata is as the test asks. What is missing is in no list, and is no number. */
export function meetsMetadataTest(test: MetadataTest, metadata: Metadata): boolean {
  const value = metadataValue(metadata, test.key);
  switch (test.type) {
    case 'in':
      return value !== undefined && test.values.includes(value);
    case 'not-in':
      return value === undefined || !test.values.includes(value);
    case 'present':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return value !== undefined && numberForm.test(value) && compares(test, Number(value));
  }
}

function compares({ type, limit }: { type: Comparison; limit: number }, value: number): boolean {
  switch (type) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
  }
}

/** As it is written in a unit file. */
export function formatMetadataTest(test: MetadataTest): string {
  const { key } = test;
  switch (test.type) {
    case 'in':
      if (test.values.length === 1) return `${key}=${test.values[0]}`;
      return `${key} in (${test.values.join(', ')})`;
    case 'not-in':
      if (test.values.length === 1) return `${key}!=${test.values[0]}`;
      return `${key} not in (${test.values.join(', ')})`;
    case 'present':
      return key;
    case 'absent':
      return `!${key}`;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `${key}${test.type}${test.limit}`;
  }
}

export interface MetadataDemands {
  /** key → allowed values; every key must be satisfied. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  /** All of them must hold as well. */
  readonly metadataTests: readonly MetadataTest[];
}

/** What of a machine's metadata is not as it is asked; null: all of it is. */
export function metadataMismatch(
  { metadata: demanded, metadataTests }: MetadataDemands,
  metadata: Metadata,
): string | null {
  for (const [key, allowed] of demanded) {
    const value = metadataValue(metadata, key);
    if (value === undefined || !allowed.includes(value)) {
      const wanted = allowed.map((v) => `${key}=${v}`).join(' or ');
      return `MachineMetadata wants ${wanted}, the machine has ${present(key, value)}`;
    }
  }
  const missed = metadataTests.find((test) => !meetsMetadataTest(test, metadata));
  if (missed === undefined) return null;
  const value = metadataValue(metadata, missed.key);
  const isOdd = isComparison(missed.type) && value !== undefined && !numberForm.test(value);
  const has = `${present(missed.key, value)}${isOdd ? ', which is no number' : ''}`;
  return `MachineMetadata wants ${formatMetadataTest(missed)}, the machine has ${has}`;
}

/** The value of a key; undefined: the machine has none, also for what every object has. */
export function metadataValue(metadata: Metadata, key: string): string | undefined {
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}

function present(key: string, value: string | undefined): string {
  return value === undefined ? `no ${key}` : `${key}=${value}`;
}
