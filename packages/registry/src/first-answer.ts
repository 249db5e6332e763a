/**
 * Asks one after the other until one answers. The next is asked when the one before has failed, or
 * has not answered for `patienceMs`; it may still be the first to answer.
 * @param ask - not empty
 * @returns the first answer, and the index of who gave it
 * @throws the last error when all have failed
 */
export function firstAnswer<T>(
  ask: readonly (() => Promise<T>)[],
  patienceMs: number,
): Promise<{ readonly answer: T; readonly index: number }> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let failed = 0;
    let timer: NodeJS.Timeout | undefined;
    const askNext = (): void => {
      clearTimeout(timer);
      const index = asked;
      const next = ask[index];
      if (next === undefined) return;
      asked += 1;
      timer = setTimeout(askNext, patienceMs);
      next().then(
        (answer) => {
          clearTimeout(timer);
          asked = ask.length;
          resolve({ answer, index });
        },
        (error: unknown) => {
          failed += 1;
          if (failed === ask.length) reject(error);
          else if (index === asked - 1) askNext();
        },
      );
    };
    askNext();
  });
}
