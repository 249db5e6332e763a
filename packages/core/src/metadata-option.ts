import { firstFew } from './first-few.ts';
import {
  isMetadataKeyForm,
  parseComparison,
  parseMembership,
  parsePresence,
} from './metadata-test.ts';
import type { MetadataDemands, MetadataTest } from './metadata-test.ts';
import { splitWords } from './option-words.ts';

type Demand = { readonly key: string; readonly value: string } | MetadataTest;

/**
 * Reads the values of `MachineMetadata=`, or of an option that is read like it. What fleet took
 * for a pair is one, also when its value holds blanks or parentheses.
 */
export function readMetadata(
  option: string,
  values: readonly string[],
): MetadataDemands & { readonly problems: string[]; readonly warnings: string[] } {
  const allowed = new Map<string, Set<string>>();
  const metadataTests = new Map<string, MetadataTest>();
  const malformed: string[] = [];
  const impossible: string[] = [];
  for (const { text, demand } of values.flatMap(readDemands)) {
    if (demand === null) malformed.push(text);
    else if ('type' in demand) metadataTests.set(JSON.stringify(demand), demand);
    else {
      if (!isMetadataKeyForm(demand.key)) impossible.push(demand.key);
      const known = allowed.get(demand.key);
      if (known === undefined) allowed.set(demand.key, new Set([demand.value]));
      else known.add(demand.value);
    }
  }
  return {
    metadata: new Map([...allowed].map(([key, of]) => [key, [...of]])),
    metadataTests: [...metadataTests.values()],
    problems: firstFew(
      malformed,
      (value) => `${option}=${JSON.stringify(value)} is not of the form key=value`,
    ),
    warnings: firstFew(
      impossible,
      (key) => `${option} asks for a key ${JSON.stringify(key)}, which no machine can have`,
    ),
  };
}

/** A value may hold blanks (`rack=second floor`), so only what is nothing by itself is split. */
function readDemands(value: string): { text: string; demand: Demand | null }[] {
  const several = splitWords(value);
  const whole = areDemands(several) ? null : (readDemand(value) ?? parsePresence(value));
  const words = whole === null ? several : [];
  // A bare word among others is rather half of a value than a key.
  const read = words.map((text) => ({ text, demand: readDemand(text) }));
  const isList = read.some(({ demand }) => demand !== null) && !/\sin\s*\(/.test(value);
  return isList ? read : [{ text: value, demand: whole }];
}

/** Whether words that could be one value with blanks are rather demands, each of them: `zone=a cpus>4`. */
function areDemands([first = '', ...more]: readonly string[]): boolean {
  return (
    readDemand(first) !== null &&
    more.some((word) => parseComparison(word) !== null) &&
    more.every((word) => readDemand(word) !== null)
  );
}

function readDemand(text: string): Demand | null {
  return parseComparison(text) ?? readPair(text) ?? parseMembership(text);
}

/** null: not exactly one `=`, nothing on one side of it, or quotes that are still to be taken away. */
function readPair(text: string): { key: string; value: string } | null {
  const [key = '', value = '', ...more] = text.split('=');
  if (text.includes('"')) return null;
  return key === '' || value === '' || more.length > 0 || /\s/.test(key) ? null : { key, value };
}
