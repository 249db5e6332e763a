// needs: sshd
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster } from './cluster.ts';
import { normalise, readRecordings, writeRecordings } from './cli-page.ts';
import type { Recording } from './cli-page.ts';

// docs/cli.md is what the program prints: its commands are run in order on the first machine of a
// cluster of three, in a directory with the example units. RECORD=1 writes the page anew instead.

jest.setTimeout(180_000);

const repository = path.resolve(__dirname, '../../..');
const pagePath = path.join(repository, 'docs/cli.md');
const page = readFileSync(pagePath, 'utf8');
const isRecording = process.env['RECORD'] === '1';
/** What only looks may be asked again until the cluster is there. */
const isLook = /^\S+ (?:cat|list-\S+|status|journal|events|verify|version|help|explain|brake)\b/;

let cluster: Cluster;
const outputs: string[] = [];

beforeAll(async () => {
  cluster = await Cluster.up(3, { as: 'node' });
  await letLogIn(cluster);
  const units = path.join(repository, 'units');
  await cluster.lab.sh(1, 'mkdir -p /root/units');
  // Where README.md has the program, instead of a script of the lab that calls it.
  await cluster.lab.sh(1, 'ln -sf /opt/muster/musterctl.cjs /usr/local/bin/musterctl');
  for (const name of readdirSync(units)) {
    const text = readFileSync(path.join(units, name), 'utf8');
    const { stderr } = await cluster.lab.try(1, `cat >/root/units/${name}`, text);
    if (stderr !== '') throw new Error(`${name} was not written: ${stderr}`);
  }
});

/** Lets root of machine 1 log in to the others with ssh, as on machines that people have set up. */
async function letLogIn({ lab }: Cluster): Promise<void> {
  await lab.sh(
    1,
    'mkdir -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519',
  );
  const key = await lab.sh(1, 'cat /root/.ssh/id_ed25519.pub');
  await lab.sh(1, 'printf "StrictHostKeyChecking accept-new\nLogLevel ERROR\n" >/root/.ssh/config');
  for (const machine of [2, 3]) {
    await lab.sh(machine, `mkdir -m 700 /root/.ssh; echo '${key}' >/root/.ssh/authorized_keys`);
    await lab.sh(machine, 'systemctl start ssh');
  }
}

afterAll(async () => {
  const isWhole = outputs.length === readRecordings(page).length;
  if (isRecording && isWhole) writeFileSync(pagePath, writeRecordings(page, outputs));
  await cluster?.lab.down();
});

test.each(readRecordings(page))('$heading: $command', async (recording) => {
  const output = await (isRecording ? settledOutput(recording) : expectedOutput(recording));
  outputs.push(output);
  expect(output).toBe(isRecording ? output : recording.output);
});

/** What the command prints; of one that only looks: what it prints twice in a row. */
async function settledOutput(recording: Recording): Promise<string> {
  let output = await run(recording);
  if (!isLook.test(recording.command)) return output;
  for (;;) {
    await pause(1000);
    const again = await run(recording);
    if (again === output) return output;
    output = again;
  }
}

/** What the command prints; of one that only looks: what the page has, as soon as it prints that. */
async function expectedOutput(recording: Recording): Promise<string> {
  const end = performance.now() + 10_000;
  for (;;) {
    const output = await run(recording);
    const isOver = !isLook.test(recording.command) || performance.now() > end;
    if (isOver || output === recording.output) return output;
  }
}

async function run({ command, isInterrupted }: Recording): Promise<string> {
  const limit = isInterrupted ? '--signal=INT 3' : '60';
  const { stdout } = await cluster.lab.try(1, `cd /root; timeout ${limit} sh -s 2>&1`, command);
  return normalise(isInterrupted ? `${stdout}^C\n` : stdout);
}
