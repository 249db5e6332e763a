/** Whether trying the same thing again, unchanged, can succeed. */
export type Retry = 'transient' | 'terminal';

/**
 * Base of every error that muster raises on purpose.
 *
 * `code` is stable and meant for programs; `message` is one sentence for people that says what and
 * where. Anything thrown that is not a MusterError is a bug or an error of the runtime.
 */
export abstract class MusterError extends Error {
  abstract readonly code: string;
  readonly retry: Retry = 'terminal';
  /** Of none of the classes: their names are shortened in the bundles. */
  override readonly name = 'MusterError';
}

/** What was handed in cannot be accepted as it is; nothing was stored or changed. */
export class InvalidInputError extends MusterError {
  readonly code = 'invalid-input';
}

/** A unit file that does not parse. `line` counts from 1. */
export class UnitFileSyntaxError extends MusterError {
  readonly code = 'unit-file-syntax';
  readonly line: number;
  readonly reason: string;

  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
    this.reason = reason;
  }
}

/** The thing asked for does not exist. */
export class NotFoundError extends MusterError {
  readonly code = 'not-found';
}

/** The change contradicts what is stored (exists with other content, changed meanwhile). */
export class ConflictError extends MusterError {
  readonly code = 'conflict';
}

/** etcd did not answer, or not in time. Nothing may be concluded from it. */
export class StoreUnavailableError extends MusterError {
  readonly code = 'store-unavailable';
  override readonly retry = 'transient';
}

/**
 * The store answered, but it is not the one this machine belongs to: the cluster id is missing or
 * another, or its revision went back. Nothing is touched until an operator accepts it.
 */
export class StoreUntrustedError extends MusterError {
  readonly code = 'store-untrusted';
}

/** Another machine holds this machine-id and is alive. */
export class DuplicateMachineError extends MusterError {
  readonly code = 'duplicate-machine';
}

/** systemd or its bus did not answer, or not in time. Nothing may be concluded from it. */
export class SystemdUnavailableError extends MusterError {
  readonly code = 'systemd-unavailable';
  override readonly retry = 'transient';
}

/** The host itself has a unit of this name: it is not muster's to start, stop or write. */
export class HostUnitError extends MusterError {
  readonly code = 'host-unit';
}

/** systemd answered and refused. `dbusName` as in org.freedesktop.systemd1(5), e.g. `org.freedesktop.systemd1.NoSuchUnit`. */
export class SystemdRefusedError extends MusterError {
  readonly code = 'systemd-refused';
  readonly dbusName: string;

  constructor(dbusName: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.dbusName = dbusName;
  }
}
