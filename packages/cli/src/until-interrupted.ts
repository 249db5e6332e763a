/**
 * Runs something that ends early at Ctrl-C or SIGTERM; a second one ends the program.
 * @returns whether it was interrupted: what it threw because of that is of no interest
 */
export async function untilInterrupted(
  run: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await run(interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  return interrupt.signal.aborted;
}
