/** Why a file could not be read or written. */
export interface FileProblem {
  /** As errno(3) has it; '' for what is none of these. */
  readonly code: string;
  /** A few words, without the name of the file. */
  readonly text: string;
}

/** @param cause - what node:fs has thrown: `ENOENT: no such file or directory, open 'x'` */
export function fileProblem(cause: unknown): FileProblem {
  // Errors of node itself are not `instanceof Error` in every realm.
  const hasMessage = typeof cause === 'object' && cause !== null && 'message' in cause;
  const message = String(hasMessage ? cause.message : cause);
  const [, code = '', text = message] = /^(E[A-Z0-9]+): ([^,]+)/.exec(message) ?? [];
  return { code, text };
}
