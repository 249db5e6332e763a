import { Option } from 'commander';
import type { Terminal } from './terminal.ts';

export interface DataOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

/** The option of verbs whose text has no columns. */
export function dataOption(): Option {
  return new Option('-o, --output <format>', 'as text or as data')
    .choices(['text', 'json', 'yaml'])
    .default('text');
}

export async function printData(
  terminal: Terminal,
  format: 'json' | 'yaml',
  value: unknown,
): Promise<void> {
  const text = format === 'json' ? JSON.stringify(value, null, 2) : (await loadYaml())(value);
  terminal.print(text);
}

/** Loaded only where it is used: it costs a third of the start-up time. The text ends without a line break. */
export async function loadYaml(): Promise<(value: unknown) => string> {
  const { stringify } = await import('yaml');
  return (value) => stringify(value).trimEnd();
}
