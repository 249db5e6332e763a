/** The command line makes no sense. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for did not work, or not for all units. Exit status 1. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

/** There is nothing to do, which is no failure. Exit status 0. */
export class NothingToDoError extends Error {
  override readonly name = 'NothingToDoError';
}

/**
 * The status of what was shown, or could not be, is that of the program. Without a message
 * everything has been said.
 */
export class UnitStatusError extends Error {
  override readonly name = 'UnitStatusError';
  readonly status: number;

  constructor(status: number, message = '', options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Ctrl-C while waiting. Exit status 130, as a shell has it. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

export const exitStatus = { ok: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;
