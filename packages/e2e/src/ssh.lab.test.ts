// needs: sshd
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';
import type { MachineStatus } from './lab.ts';

jest.setTimeout(120_000);

const repository = path.resolve(__dirname, '../../..');

let cluster: Cluster;
let machines: readonly MachineStatus[];
/** Of who sits before musterctl: keys, known hosts, and an ssh that knows no others. */
let dir: string;

beforeAll(async () => {
  cluster = await Cluster.up(2);
  ({ machines } = await cluster.lab.status());
  dir = mkdtempSync(path.join(tmpdir(), 'muster-ssh-'));
  makeKey('user');
  for (const { machine, address } of machines) {
    makeKey(`host${machine}`);
    await startSshd(machine, address);
  }
  const known = machines.map(({ machine, address }) => `${address} ${read(`host${machine}.pub`)}`);
  write('known_hosts', known.join(''));
  write(
    'ssh',
    `#!/bin/sh
exec /usr/bin/ssh -F none -o IdentityFile=${dir}/user -o IdentitiesOnly=yes -o IdentityAgent=none \\
  -o UserKnownHostsFile=${dir}/known_hosts -o GlobalKnownHostsFile=/dev/null -o BatchMode=yes "$@"
`,
  );
  chmodSync(path.join(dir, 'ssh'), 0o755);
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await cluster?.lab.down();
});

function makeKey(name: string): void {
  const file = path.join(dir, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
}

function read(name: string): string {
  return readFileSync(path.join(dir, name), 'utf8');
}

function write(name: string, text: string): void {
  writeFileSync(path.join(dir, name), text, { mode: 0o600 });
}

/** As a distribution has it, but with keys of this test and nothing but them. */
async function startSshd(machine: number, address: string): Promise<void> {
  const put = async (file: string, text: string): Promise<void> => {
    const { status, stderr } = await cluster.lab.try(machine, `umask 077; cat >${file}`, text);
    if (status !== 0) throw new Error(`cannot write ${file}: ${stderr}`);
  };
  await cluster.lab.sh(machine, 'mkdir -p -m 0755 /run/sshd; mkdir -m 0700 /root/sshd');
  await put('/root/sshd/key', read(`host${machine}`));
  await put('/root/sshd/authorized', read('user.pub'));
  await put(
    '/root/sshd/config',
    `ListenAddress ${address}
HostKey /root/sshd/key
AuthorizedKeysFile /root/sshd/authorized
PidFile none
UsePAM no
`,
  );
  await cluster.lab.sh(
    machine,
    'systemd-run -q --unit=test-sshd /usr/sbin/sshd -D -e -f /root/sshd/config',
  );
  await waitFor(
    `sshd on machine ${machine}`,
    async () => {
      const log = await cluster.lab.sh(machine, 'journalctl -q -u test-sshd -o cat');
      return log.includes('Server listening')
        ? { done: true, value: undefined }
        : { done: false, saw: log };
    },
    10_000,
  );
}

function machineOf(number: number): MachineStatus {
  const found = machines.find(({ machine }) => machine === number);
  if (found === undefined) throw new Error(`no machine ${number}`);
  return found;
}

/** musterctl of this system in the network of the lab. */
function start(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const env = ['env', `PATH=${dir}:${process.env['PATH'] ?? ''}`, process.execPath];
  const net = ['--name', cluster.lab.name, 'net', ...env, 'dist/musterctl.cjs'];
  return spawn('scripts/lab', [...net, ...args], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function musterctl(
  ...args: string[]
): Promise<{ status: unknown; out: string; err: string }> {
  const child = start(...args);
  let out = '';
  let err = '';
  child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
  const [status]: unknown[] = await once(child, 'close');
  return { status, out, err };
}

async function endpoint(machine = 1): Promise<string> {
  return `unix:${await cluster.lab.socket(machine)}`;
}

describe('ssh', () => {
  test('leads to the machine that is named, or has the unit', async () => {
    const where = ['--endpoint', await endpoint(), 'ssh'];
    for (const { name, id } of machines) {
      expect(await musterctl(...where, name, 'hostname; cat /etc/machine-id; exit 3')).toEqual({
        status: 3,
        out: `${name}\n${id}\n`,
        err: '',
      });
    }
    await cluster.launch([sleeper('where.service', `MachineID=${machineOf(2).id}`)]);
    const found = await musterctl(...where, 'where', 'hostname; systemctl is-active where.service');
    expect(found).toEqual({ status: 0, out: `${machineOf(2).name}\nactive\n`, err: '' });
    await cluster.destroy(['where.service']);
  });

  test('goes by way of another machine', async () => {
    const [first, second] = [machineOf(1), machineOf(2)];
    const words = ['ssh', second.name, 'hostname; echo $SSH_CONNECTION'];
    const { status, out, err } = await musterctl('--tunnel', `root@${first.address}`, ...words);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out.split('\n')).toEqual([
      second.name,
      expect.stringMatching(new RegExp(`^${first.address} \\d+ ${second.address} 22$`)),
      '',
    ]);
  });
});

describe('through a tunnel', () => {
  const tunnel = (): string[] => ['--tunnel', machineOf(2).address];

  test('units are started and listed', async () => {
    const file = path.join(dir, 'far.service');
    writeFileSync(
      file,
      `[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nMachineID=${machineOf(1).id}\n`,
    );
    expect(await musterctl(...tunnel(), 'start', file)).toEqual({
      status: 0,
      out: `Unit far.service launched on ${machineOf(1).id.slice(0, 8)}.../${machineOf(1).address}\n`,
      err: '',
    });
    expect((await musterctl(...tunnel(), 'list-units', '-o', 'name')).out).toBe('far.service\n');
    const api = ['--endpoint', `http://${machineOf(1).address}:49153`];
    expect((await musterctl(...tunnel(), ...api, 'list-units', '-o', 'name')).out).toBe(
      'far.service\n',
    );
    await cluster.destroy(['far.service']);
  });

  test('a journal is followed line by line, and nothing stays behind', async () => {
    const file =
      '[Service]\nExecStart=/bin/sh -c "mkfifo /run/say; while true; do cat /run/say; done"\n';
    await cluster.launch([
      { name: 'talk.service', file: `${file}[X-Fleet]\nMachineID=${machineOf(1).id}\n` },
    ]);
    const say = (word: string): Promise<string> => cluster.lab.sh(1, `echo ${word} >/run/say`);
    await say('one');
    const child = start(...tunnel(), 'journal', '-f', '-o', 'cat', 'talk');
    let out = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
    const shows = (word: string): Promise<void> =>
      waitFor(
        `"${word}" in the journal`,
        async () =>
          out.includes(`${word}\n`) ? { done: true, value: undefined } : { done: false, saw: out },
        15_000,
      );
    await shows('one');
    for (const word of ['two', 'three']) {
      await say(word);
      await shows(word);
    }
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
    await waitFor(
      'no fd-forward and no journalctl to be left',
      async () => {
        const left = await Promise.all(
          [1, 2].map((machine) =>
            cluster.lab.sh(machine, 'pgrep -af "[f]d-forward|[j]ournalctl"; true'),
          ),
        );
        return left.join('') === ''
          ? { done: true, value: undefined }
          : { done: false, saw: left.join('\n') };
      },
      10_000,
    );
    await cluster.destroy(['talk.service']);
  });

  test('events are followed', async () => {
    const child = start(...tunnel(), 'events', '-f', 'news.service');
    let out = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
    // Whether it has begun cannot be seen from here; it is asked again until it is told.
    await waitFor(
      'an event of news.service',
      async () => {
        await cluster.launch([sleeper('news.service')]);
        await cluster.destroy(['news.service']);
        return out.includes('news.service')
          ? { done: true, value: undefined }
          : { done: false, saw: out };
      },
      20_000,
    );
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});
