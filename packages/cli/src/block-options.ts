import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { withReportOption } from './report-option.ts';
import type { ReportOptions } from './report-option.ts';

export interface BlockOptions extends ReportOptions {
  /** false: do not wait. */
  readonly block: boolean;
  /** 0: as long as it takes. */
  readonly blockAttempts: number;
  /** The global --timeout, in seconds. */
  readonly timeout?: number;
}

/** One of fleet's attempts. */
const attemptMs = 2000;

/** Adds the options of every command that waits. */
export function withBlockOptions(command: Command): Command {
  return withReportOption(command)
    .option('--no-block', 'do not wait until it is done')
    .option(
      '--block-attempts <n>',
      'wait for n times 2 seconds; 0: as long as it takes',
      parseCount,
      0,
    );
}

/** How long to wait in all; null: as long as it takes. */
export function waitLimitMs({ blockAttempts, timeout }: BlockOptions): number | null {
  const limits = [
    ...(blockAttempts > 0 ? [blockAttempts * attemptMs] : []),
    ...(timeout === undefined ? [] : [timeout * 1000]),
  ];
  return limits.length === 0 ? null : Math.min(...limits);
}

/** @throws {InvalidArgumentError} */
export function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

/** @throws {InvalidArgumentError} */
export function parseSeconds(text: string): number {
  const seconds = /^(\d{1,6}(?:\.\d+)?)s?$/.exec(text)?.[1];
  if (seconds !== undefined && Number(seconds) > 0) return Number(seconds);
  throw new InvalidArgumentError('It must be a number of seconds.');
}
