/** A signal that others abort, until it is no longer linked to them. */
interface LinkedSignal {
  readonly signal: AbortSignal;
  /** To be called when nobody waits for it any more; it is not aborted by that. */
  readonly unlink: () => void;
}

/**
 * A signal that aborts with the first of `signals`. AbortSignal.any does the same, but on Node 20 each
 * of its signals leaves some 3 kB behind on sources that live on (measured: 20.20), for ever.
 */
export function linkSignals(signals: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const unlink = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  const abort = (): void => {
    unlink();
    controller.abort();
  };
  for (const signal of signals) signal.addEventListener('abort', abort);
  if (signals.some((signal) => signal.aborted)) abort();
  return { signal: controller.signal, unlink };
}
