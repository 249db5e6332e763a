import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { OperationError, UsageError } from '../errors.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { findSources, readUnitFile } from '../unit-sources.ts';
import type { UnitSource } from '../unit-sources.ts';
import { verifyUnit } from '../verify-unit.ts';
import type { Finding } from '../verify-unit.ts';

/** What `-o json` prints. */
interface FileFinding extends Finding {
  readonly file: string;
  readonly unit: string;
}

export function addVerify(program: Command, { terminal }: Context): void {
  program
    .command('verify')
    .alias('lint')
    .description('check unit files as the cluster would, without a cluster')
    .argument('<file...>', 'unit files, directories of them, or instances of a template file')
    .addOption(dataOption())
    .action(async (args: string[], { output }: DataOptions) => {
      const sources = findSources(args).map(withFile);
      const findings = sources.flatMap(verifySource);
      if (output === 'text') for (const finding of findings) terminal.print(lineText(finding));
      else await printData(terminal, output, findings);
      const wrong = new Set(
        findings.filter(({ severity }) => severity === 'error').map(({ file }) => file),
      );
      if (wrong.size > 0) {
        throw new OperationError(`problems in ${wrong.size} of ${files(sources.length)}`);
      }
      if (output === 'text') terminal.print(`${files(sources.length)} can be submitted`);
    });
}

interface VerifiedSource {
  readonly name: string;
  readonly file: string;
}

/** @throws {UsageError} for what is only a name */
function withFile({ name, path, template }: UnitSource): VerifiedSource {
  const file = path ?? template?.path ?? null;
  if (file !== null) return { name, file };
  throw new UsageError(`there is no file ${name}`);
}

function verifySource({ name, file }: VerifiedSource): FileFinding[] {
  return findingsIn(name, file).map((finding) => ({ file, unit: name, ...finding }));
}

function findingsIn(name: string, file: string): Finding[] {
  try {
    return verifyUnit(name, readUnitFile(file));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [{ line: null, severity: 'error', message: error.message }];
  }
}

/** `units/web.service:12: …`, as compilers have it, so that editors can jump there. */
function lineText({ file, line, severity, message }: FileFinding): string {
  const place = line === null ? file : `${file}:${line}`;
  return `${place}: ${severity === 'warning' ? 'warning: ' : ''}${message}`;
}

function files(count: number): string {
  return count === 1 ? '1 unit file' : `${count} unit files`;
}
