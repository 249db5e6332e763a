import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

/**
 * What a lab of this name has on this system, one line for each: files, mounts (in any process's
 * namespace), cgroups, processes. Empty when there is nothing.
 */
export function tracesOf(lab: string): readonly string[] {
  const own = new RegExp(`(/muster-lab/${lab}(/| |$)|--name ${lab} |--machine=${lab}-[0-9]+ )`);
  const traces = [
    `/run/muster-lab/${lab}`,
    `/run/muster-lab.${lab}.lock`,
    `/var/tmp/muster-lab/${lab}`,
  ].filter((path) => existsSync(path));
  for (const process of processes()) {
    const { pid, command, mounts } = process;
    if (own.test(command)) traces.push(`process ${pid}: ${command}`);
    if (own.test(mounts)) traces.push(`mount in the namespace of process ${pid} (${command})`);
  }
  return [...traces, ...cgroupsNamed(`muster-lab-${lab}`)];
}

/** The network namespaces of all processes, as `net:[INODE]`. */
export function networkNamespaces(): ReadonlySet<string> {
  return new Set(pids().map((pid) => ifThere(() => readlinkSync(`/proc/${pid}/ns/net`))));
}

function pids(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
}

function processes(): readonly { pid: string; command: string; mounts: string }[] {
  return pids()
    .filter((pid) => Number(pid) !== process.pid)
    .map((pid) => ({
      pid,
      command: ifThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' '),
      mounts: ifThere(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')),
    }));
}

function cgroupsNamed(name: string): readonly string[] {
  const found = spawnSync('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', name]);
  return found.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((path) => join('cgroup', path));
}

/** '' when the process has ended meanwhile or keeps it to itself. */
function ifThere(read: () => string): string {
  try {
    return read();
  } catch (error) {
    const code = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : null;
    if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes(code)) return '';
    throw error;
  }
}
