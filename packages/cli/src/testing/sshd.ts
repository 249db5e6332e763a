import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * An sshd on 127.0.0.1 with keys of its own, and an ssh that knows nothing but them: nobody's
 * ~/.ssh is read or written.
 */
export class TestSshd {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'muster-sshd-'));
  readonly user = userInfo().username;
  /** What goes first in PATH of who logs in; tests put programs there. */
  readonly remoteBin = path.join(this.dir, 'remote-bin');
  port = 0;
  /** What sshd has logged. */
  log = '';
  #daemon: ChildProcess | null = null;

  /** PATH with the ssh of this test first. */
  get path(): string {
    return `${path.join(this.dir, 'bin')}:${process.env['PATH'] ?? ''}`;
  }

  get knownHosts(): string {
    return path.join(this.dir, 'known_hosts');
  }

  /** How often somebody has logged in. */
  get logins(): number {
    return this.log.split('Accepted publickey').length - 1;
  }

  async start(): Promise<void> {
    for (const each of ['bin', 'remote-bin']) mkdirSync(path.join(this.dir, each));
    for (const each of ['host_key', 'user_key']) this.#makeKey(each);
    this.port = await freePort();
    this.#write('authorized_keys', this.#read('user_key.pub'));
    this.#write('sshd_config', this.#serverConfig());
    this.#write('ssh_config', this.#clientConfig());
    this.program('bin/ssh', `exec /usr/bin/ssh -F ${this.dir}/ssh_config "$@"`);
    this.trust();
    // Debian's unit of sshd makes it, and its files of it are not there before.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    await this.#run();
  }

  stop(): void {
    this.#daemon?.kill();
    rmSync(this.dir, { recursive: true });
  }

  /** Puts an executable shell script below the directory. */
  program(name: string, script: string): void {
    this.#write(name, `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(this.dir, name), 0o755);
  }

  /** Writes known_hosts: with the key of this sshd, or of another one under its name. */
  trust(key: 'host_key' | 'user_key' | null = 'host_key'): void {
    const line = key === null ? '' : `[127.0.0.1]:${this.port} ${this.#read(`${key}.pub`)}`;
    writeFileSync(this.knownHosts, line);
  }

  copyKnownHosts(file: string): void {
    copyFileSync(this.knownHosts, file);
  }

  /** Command lines of ssh processes of this test that run. */
  running(): string[] {
    return processes()
      .filter(({ line }) => line.includes(`${this.dir}/ssh_config`))
      .map(({ line }) => line);
  }

  /** Cuts who is logged in. */
  killSessions(): void {
    for (const { pid, parent } of processes()) {
      if (parent === this.#daemon?.pid) process.kill(pid, 'SIGKILL');
    }
  }

  #makeKey(name: string): void {
    const file = path.join(this.dir, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  }

  #read(name: string): string {
    return readFileSync(path.join(this.dir, name), 'utf8');
  }

  #write(name: string, text: string): void {
    writeFileSync(path.join(this.dir, name), text, { mode: 0o600 });
  }

  #serverConfig(): string {
    return `Port ${this.port}
ListenAddress 127.0.0.1
HostKey ${this.dir}/host_key
PidFile none
AuthorizedKeysFile ${this.dir}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
SetEnv PATH=${this.remoteBin}:/usr/bin:/bin
`;
  }

  #clientConfig(): string {
    return `Host bastion
  HostName 127.0.0.1
  Port ${this.port}
Host persistent
  HostName 127.0.0.1
  Port ${this.port}
  ControlMaster auto
  ControlPath ${this.dir}/master
  ControlPersist 60
Host *
  IdentityFile ${this.dir}/user_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${this.knownHosts}
  GlobalKnownHostsFile /dev/null
`;
  }

  #run(): Promise<void> {
    const args = ['-D', '-e', '-f', path.join(this.dir, 'sshd_config')];
    const daemon = spawn('/usr/sbin/sshd', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#daemon = daemon;
    return new Promise((resolve, reject) => {
      daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
        if (this.log.includes('Server listening')) resolve();
      });
      daemon.once('exit', (status) => reject(new Error(`sshd ended with ${status}:\n${this.log}`)));
    });
  }
}

function processes(): { pid: number; parent: number; line: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const [, parent] = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      return [{ pid: Number(pid), parent: Number(parent), line }];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** @param problem - null: it is so; else what is seen instead @throws after 10 s, with the last problem */
export async function waitUntil(what: string, problem: () => string | null): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const seen = problem();
    if (seen === null) return;
    if (performance.now() > end)
      throw new Error(`waited for ${what}; the last thing seen: ${seen}`);
    await pause(20);
  }
}
