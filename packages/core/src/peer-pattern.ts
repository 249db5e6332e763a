import { compileGlob } from './glob.ts';
import type { Glob } from './glob.ts';

/**
 * What a word of `MachineOf=` names: the units that match it, or exactly one. A name may hold
 * backslashes (`srv-a\x2db.mount`), which quote nothing in it.
 */
export type PeerPattern =
  { readonly type: 'name'; readonly name: string } | { readonly type: 'glob'; readonly glob: Glob };

export function readPeer(word: string): PeerPattern {
  if (!/[*?[]/.test(word)) return { type: 'name', name: word };
  return { type: 'glob', glob: compileGlob(word) };
}

export function isPeer(pattern: PeerPattern, unit: string): boolean {
  return pattern.type === 'name' ? pattern.name === unit : pattern.glob.matches(unit);
}
