import { ApiError, BadEndpointError, UnreachableError } from '@muster/api/client';
import { CommanderError } from 'commander';
import { createContext } from './context.ts';
import {
  exitStatus,
  InterruptedError,
  NothingToDoError,
  OperationError,
  UnitStatusError,
  UsageError,
} from './errors.ts';
import { fileProblem } from './file-problem.ts';
import { programNameOf } from './program-name.ts';
import type { ProgramName } from './program-name.ts';
import { createProgram } from './program.ts';
import { readArguments } from './read-arguments.ts';
import { openTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';

async function main(): Promise<void> {
  const terminal = openTerminal(process.stdout, process.stderr, process.env);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of our output went away (`musterctl … | head`): nobody is left to tell.
    if (error.code === 'EPIPE') process.exit(exitStatus.ok);
    terminal.complain(`error: cannot write the output: ${fileProblem(error).text}`);
    process.exit(exitStatus.failed);
  });
  // Who does not want to hear what went wrong still gets the exit status.
  process.stderr.on('error', () => {});
  const programName = programNameOf(process.argv[1]);
  const context = createContext({ terminal, environment: process.env, programName });
  try {
    const program = createProgram(context, process.argv[2]);
    const words = readArguments(program, process.argv.slice(2), programName);
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    process.exitCode = explain(error, terminal, programName);
  } finally {
    context.close();
  }
}

/** Says what went wrong. @returns the exit status */
function explain(error: unknown, terminal: Terminal, programName: ProgramName): number {
  const prefix = programName === 'fleetctl' ? '' : 'error: ';
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version that were asked for are no failure.
    return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  }
  if (error instanceof UnitStatusError) {
    if (error.message !== '') terminal.complain(`${prefix}${error.message}`);
    return error.status;
  }
  if (error instanceof NothingToDoError) {
    terminal.complain(error.message);
    return exitStatus.ok;
  }
  if (error instanceof UsageError || error instanceof BadEndpointError) {
    terminal.complain(`error: ${error.message}`);
    return exitStatus.usage;
  }
  if (error instanceof UnreachableError || (error instanceof ApiError && error.status === 503)) {
    terminal.complain(`${prefix}${error.message}`);
    // fleetctl's own statuses end at 2; above it there is what systemctl said.
    return programName === 'fleetctl' ? exitStatus.failed : exitStatus.unreachable;
  }
  if (error instanceof OperationError || error instanceof ApiError) {
    terminal.complain(`${prefix}${error.message}`);
    return exitStatus.failed;
  }
  if (error instanceof InterruptedError) {
    terminal.complain(error.message);
    return exitStatus.interrupted;
  }
  // A defect of this program: whoever is to mend it needs to know where.
  const place = error instanceof Error ? error.stack : undefined;
  terminal.complain(`${prefix}unexpected ${place ?? String(error)}`);
  return exitStatus.failed;
}

void main();
