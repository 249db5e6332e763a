import { isMetadataKey, isMetadataValue } from '../metadata.ts';
import { isMachineId } from '../read-request.ts';
import type { MetadataOpBody } from './read-body.ts';

/** machine → key → value; null removes the key */
type MetadataPatches = ReadonlyMap<string, ReadonlyMap<string, string | null>>;

export type MetadataDecision =
  | { readonly type: 'patches'; readonly patches: MetadataPatches }
  | { readonly type: 'refused'; readonly message: string };

/** What a PATCH means: all of its steps, the later ones over the earlier, or (when one is bad) none. */
export function decideMetadata(ops: readonly MetadataOpBody[]): MetadataDecision {
  const patches = new Map<string, Map<string, string | null>>();
  for (const { op, path, value } of ops) {
    if (op !== 'add' && op !== 'replace' && op !== 'remove') {
      return refuse('invalid op: expect add, remove, or replace');
    }
    const target = targetOf(path);
    if (target === null) return refuse('machine metadata path invalid');
    if (op !== 'remove' && value === '') {
      return refuse('invalid value: add and replace require a value');
    }
    if (op !== 'remove' && !isMetadataValue(value)) {
      return refuse('invalid value: it must be 1 to 1024 printable characters');
    }
    const patch = patches.get(target.machine) ?? new Map<string, string | null>();
    patches.set(target.machine, patch.set(target.key, op === 'remove' ? null : value));
  }
  return { type: 'patches', patches };
}

/** What can never be a machine's id would lie in the store for ever. */
function targetOf(path: string): { machine: string; key: string } | null {
  const [root, machine = '', metadata, key = '', ...more] = path.split('/');
  const isTarget = root === '' && metadata === 'metadata' && more.length === 0;
  return isTarget && isMachineId(machine) && isMetadataKey(key) ? { machine, key } : null;
}

function refuse(message: string): MetadataDecision {
  return { type: 'refused', message };
}
