import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs before V8 thinks of compiling it anew; 67,584 unless told. */
const budget = 1_000_000;

/**
 * Makes V8 optimise only what is really hot. musterd rests most of the time, and of what it does in a
 * burst most is soon over: a launch right after its start took a third less CPU with this
 * ([measured](../../../docs/performance.md)). Not a flag of the command line: Node 22 and 24 have another
 * V8, which does not know it, and would not start. They go by their own rules.
 */
export function compileLate(): void {
  if (process.versions.v8.startsWith('11.')) setFlagsFromString(`--interrupt-budget=${budget}`);
}
