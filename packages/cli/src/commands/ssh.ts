import { ApiError } from '@muster/api/client';
import type { ApiClient, MachineBody, UnitDetailBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { OperationError, UsageError } from '../errors.ts';
import { chooseMachine } from '../find-ssh-target.ts';
import type { SshWish } from '../find-ssh-target.ts';
import { machineLegend } from '../legend.ts';
import { runSsh } from '../run-ssh.ts';
import { loginArguments, parsePort } from '../ssh-arguments.ts';
import type { SshOptions } from '../ssh-arguments.ts';
import { unitNameOf } from '../unit-sources.ts';

interface Options {
  readonly machine?: string;
  readonly unit?: string;
  readonly forwardAgent?: boolean;
  readonly tty?: boolean;
  readonly sshPort?: number;
}

export function addSsh(program: Command, context: Context): void {
  program
    .command('ssh')
    .description('log in to a machine, or to the one that has a unit, with ssh(1)')
    .argument('[target]', 'a machine (the beginning of its id, host name, address) or a unit')
    .argument('[command...]', 'what to run there; with --machine or --unit there is no target')
    .option('--machine <machine>', 'this machine')
    .option('--unit <unit>', 'the machine that has this unit')
    .option('-A, --forward-agent', 'forward the authentication agent')
    .option('-t, --tty', 'give the command a terminal, as programs that ask need one')
    .option('--ssh-port <port>', 'port of sshd on the machine', parsePort)
    .action(
      async (target: string | undefined, words: string[], options: Options, command: Command) => {
        const { wish, remote } = readWords(target, words, options);
        const client = context.connect(command);
        const machine = await find(client, wish);
        context.close();
        const login = {
          host: addressOf(machine),
          port: options.sshPort ?? null,
          flags: [
            ...(options.forwardAgent === true ? ['-A'] : []),
            ...(options.tty === true ? ['-t'] : []),
          ],
          command: remote,
        };
        const args = loginArguments(command.optsWithGlobals<SshOptions>(), login);
        process.exitCode = await runSsh(args);
      },
    );
}

/** Which of the words is the target, and which are the command. @throws {UsageError} */
function readWords(
  target: string | undefined,
  words: readonly string[],
  { machine, unit }: Options,
): { wish: SshWish; remote: string[] } {
  if (machine !== undefined && unit !== undefined) {
    throw new UsageError('--machine and --unit exclude each other');
  }
  const all = [...(target === undefined ? [] : [target]), ...words];
  if (machine !== undefined) return { wish: { text: machine, as: 'machine' }, remote: all };
  if (unit !== undefined) return { wish: { text: unit, as: 'unit' }, remote: all };
  if (target === undefined) throw new UsageError('name a machine or a unit to log in to');
  return { wish: { text: target, as: 'either' }, remote: [...words] };
}

async function find(client: ApiClient, wish: SshWish): Promise<MachineBody> {
  const [machines, unit] = await Promise.all([
    client.machines(),
    wish.as === 'machine' ? null : unitOf(client, wish.text),
  ]);
  return chooseMachine(wish, machines, unit);
}

/** null: there is none, or the text is no name that one could have. */
async function unitOf(client: ApiClient, text: string): Promise<UnitDetailBody | null> {
  try {
    return await client.unit(unitNameOf(text));
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return null;
    throw error;
  }
}

function addressOf({ id, address, hostname }: MachineBody): string {
  if (address !== null) return address;
  const shown = machineLegend(id, null, false);
  throw new OperationError(
    `machine ${shown} (${hostname}) says no address of its own; machine.address in its configuration sets one`,
  );
}
