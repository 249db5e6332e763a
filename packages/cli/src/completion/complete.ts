import type { ApiClient } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { findCandidates } from './find-candidates.ts';
import { findPlace } from './place.ts';
import type { Place } from './place.ts';
import { renderBash, renderFish, renderZsh } from './render.ts';
import { readShellLine } from './shell-line.ts';
import type { Cluster } from './sources.ts';

/**
 * What a shell asks in the middle of a line. Whatever is wrong, it has an answer and nothing to say.
 * @param args - for bash the line up to the cursor, program included, and COMP_WORDBREAKS; else the
 * words after the program, the last of which is at the cursor
 */
export async function complete(
  program: Command,
  context: Context,
  { shell, args }: { readonly shell: 'bash' | 'zsh' | 'fish'; readonly args: readonly string[] },
): Promise<string[]> {
  const [text = '', breaks = ''] = args;
  const line = shell === 'bash' ? readShellLine(text, breaks) : null;
  const place = findPlace(program, line === null ? args : line.words.slice(1));
  applyGlobals(program, place);
  const found = await findCandidates(
    place,
    clusterOf(() => context.connect(program, { isBrief: true })),
  );
  if (line !== null) return renderBash(found, place, line);
  return shell === 'zsh' ? renderZsh(found, place) : renderFish(found, place);
}

/** Options on the line count as if they were ours; one with a bad value is left out. */
function applyGlobals(program: Command, { globals }: Place): void {
  for (const [option, given] of globals) {
    const preset: unknown = option.presetArg ?? given;
    const text = given === true ? preset : given;
    try {
      const value: unknown =
        typeof text === 'string' && option.parseArg !== undefined
          ? option.parseArg<unknown>(text, undefined)
          : text;
      program.setOptionValueWithSource(option.attributeName(), value, 'cli');
    } catch {
      continue;
    }
  }
}

function clusterOf(connect: () => ApiClient): Cluster {
  const client = once(connect);
  const all = once(() => client().allMachines());
  return {
    units: once(() => client().units()),
    states: once(() => client().states()),
    machines: once(async () => (await all()).machines),
    absent: once(async () => (await all()).absent),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
