import { MusterError } from '@muster/core';

/** A request that is answered with an error: the status and body are all that the caller gets. */
export class HttpError extends MusterError {
  readonly code: string;
  readonly status: number;
  /** Extra headers, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** Why one unit of a request is refused. `line` counts from 1; null when no line is at fault. */
export interface UnitProblem {
  readonly name: string;
  readonly status: 400 | 404 | 409;
  readonly code: string;
  /** A whole sentence that names the unit. */
  readonly message: string;
  /** The same without unit and line, for whoever says these in a way of their own. */
  readonly reason: string;
  readonly line: number | null;
}

/** Units of one request that are refused: nothing of the request was stored. */
export class UnitsRefusedError extends HttpError {
  readonly units: readonly UnitProblem[];

  constructor(units: readonly [UnitProblem, ...UnitProblem[]]) {
    const [first] = units;
    const rest = units.length > 1 ? ` (and ${units.length - 1} more; nothing was stored)` : '';
    super(first.status, first.code, `${first.message}${rest}`);
    this.units = units;
  }
}
