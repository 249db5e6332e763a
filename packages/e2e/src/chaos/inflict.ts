import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';
import { waitFor } from '../lab.ts';
import type { Fault } from './fault.ts';
import type { Links } from './links.ts';
import type { StoreAccess } from './store-access.ts';
import type { StoreRecorder } from './store-recorder.ts';

/** What faults are inflicted with. */
export interface Tools {
  readonly cluster: Cluster;
  readonly links: Links;
  readonly store: StoreAccess;
  readonly recorder: StoreRecorder;
}

/** Does it, waits as long as it is to last, and puts it right. Resolves when it has been put right. */
export async function inflict(tools: Tools, fault: Fault): Promise<void> {
  const { cluster } = tools;
  const { lab } = cluster;
  switch (fault.kind) {
    case 'power-cut':
      await lab.kill(fault.machine);
      await pause(fault.forMs);
      return lab.boot(fault.machine);
    case 'reboot':
      return reboot(cluster, fault.machine);
    case 'cut':
    case 'cut-in':
    case 'cut-out':
      return cutCables(tools, {
        machines: [fault.machine],
        way: wayOf(fault.kind),
        forMs: fault.forMs,
      });
    case 'crowd-cut':
      return cutCables(tools, { machines: fault.machines, way: undefined, forMs: fault.forMs });
    case 'lease-lost':
      return loseLease(tools, fault.machine);
    case 'musterd-kill':
      return tellMusterd(cluster, fault.machine, 'KILL');
    case 'musterd-hang':
      return hangMusterd(cluster, fault, async () => undefined);
    case 'musterd-hang-compaction':
      return hangMusterd(cluster, fault, () => forgetAll(tools));
    case 'musterd-stop':
      await lab.sh(fault.machine, 'systemctl stop musterd');
      await pause(fault.forMs);
      await lab.sh(fault.machine, 'systemctl start musterd');
      return;
    case 'link-slow':
      return badLink(tools, fault, { delayMs: 150, jitterMs: 100 });
    case 'link-halting':
      return badLink(tools, fault, { jitterMs: 900 });
    case 'link-stall':
      return badLink(tools, fault, { hold: 'both' });
    case 'link-half-open':
      return badLink(tools, fault, { hold: 'down' });
    case 'link-late':
      return badLink(tools, fault, { hold: 'up' });
    case 'etcd-kill':
      return killMembers(tools, [fault.member], fault.forMs);
    case 'etcd-leader-kill':
      return killMembers(tools, [(await tools.store.leader()) ?? 1], fault.forMs);
    case 'etcd-no-quorum':
      return killMembers(tools, [1, 2], fault.forMs);
    case 'etcd-away':
      return killMembers(tools, allMembers(tools), fault.forMs);
    case 'etcd-hang':
      await lab.etcd('hang', fault.member);
      await pause(fault.forMs);
      return lab.etcd('resume', fault.member);
    case 'etcd-slow':
      return slowDown(tools, fault);
    case 'etcd-cut':
    case 'etcd-cut-in':
    case 'etcd-cut-out':
      await lab.etcd('cut', fault.member, wayOf(fault.kind));
      await pause(fault.forMs);
      return lab.etcd('mend', fault.member);
  }
}

async function cutCables(
  { cluster: { lab } }: Tools,
  {
    machines,
    way,
    forMs,
  }: {
    machines: readonly number[];
    way: 'in' | 'out' | undefined;
    forMs: number;
  },
): Promise<void> {
  await Promise.all(machines.map((machine) => lab.cut(machine, way)));
  await pause(forMs);
  await Promise.all(machines.map((machine) => lab.mend(machine)));
}

function wayOf(kind: string): 'in' | 'out' | undefined {
  if (kind.endsWith('-in')) return 'in';
  return kind.endsWith('-out') ? 'out' : undefined;
}

async function reboot({ lab }: Cluster, machine: number): Promise<void> {
  const bootId = 'cat /proc/sys/kernel/random/boot_id';
  const before = await lab.sh(machine, `${bootId}; systemctl reboot`);
  await waitFor(
    `machine ${machine} to have booted again`,
    async () => {
      const now = await lab.sh(machine, `systemctl is-active -q dbus && ${bootId}`);
      return now !== before ? { done: true, value: null } : { done: false, saw: 'it is still up' };
    },
    60_000,
  );
}

/** A musterd that is not there is left alone: systemd is about to start it again. */
async function tellMusterd({ lab }: Cluster, machine: number, signal: string): Promise<void> {
  await lab.sh(machine, `systemctl kill -s ${signal} --kill-who=main musterd || true`);
}

/** A machine that has none just then has lost nothing, and so has one while etcd is away. */
async function loseLease({ cluster, store }: Tools, machine: number): Promise<void> {
  const { id } = await cluster.lab.machine(machine);
  try {
    await store.endLease(`machine/${id}`);
  } catch {
    // No member of etcd takes it.
  }
}

async function hangMusterd(
  cluster: Cluster,
  { machine, forMs }: { machine: number; forMs: number },
  meanwhile: () => Promise<void>,
): Promise<void> {
  await tellMusterd(cluster, machine, 'STOP');
  await pause(forMs);
  await meanwhile();
  await tellMusterd(cluster, machine, 'CONT');
}

/** Nobody but this run's own record may have seen what etcd forgets. */
async function forgetAll({ store, recorder }: Tools): Promise<void> {
  try {
    await store.compact(recorder.next - 1);
  } catch {
    // etcd is away as well, or has forgotten more already.
  }
}

async function badLink(
  { links }: Tools,
  { machine, forMs }: { machine: number; forMs: number },
  state: Parameters<Links['set']>[1],
): Promise<void> {
  await links.set(machine, state);
  await pause(forMs);
  await links.set(machine, {});
}

async function killMembers(
  { cluster: { lab } }: Tools,
  members: readonly number[],
  forMs: number,
): Promise<void> {
  await Promise.all(members.map((member) => lab.etcd('kill', member)));
  await pause(forMs);
  for (const member of members) await lab.etcd('start', member);
}

/** As with a disk that takes long: the member does nothing four fifths of the time. */
async function slowDown(
  { cluster: { lab } }: Tools,
  { member, forMs }: { member: number; forMs: number },
): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    await lab.etcd('hang', member);
    await pause(200);
    await lab.etcd('resume', member);
    await pause(50);
  }
}

function allMembers({ store }: Tools): number[] {
  return Array.from({ length: store.members }, (_, i) => i + 1);
}
