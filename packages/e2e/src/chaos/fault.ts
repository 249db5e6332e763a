/**
 * What goes wrong. `forMs` is how long: then it is put right again (the machine boots, the cable is
 * plugged in, the process goes on). `machine` and `member` count from 1.
 */
export type Fault =
  | { readonly kind: MachineFault; readonly machine: number; readonly forMs: number }
  | { readonly kind: MemberFault; readonly member: number; readonly forMs: number }
  | { readonly kind: SingleFault; readonly machine: number }
  | { readonly kind: CrowdFault; readonly machines: readonly number[]; readonly forMs: number }
  | { readonly kind: StoreFault; readonly forMs: number };

/** Of one machine, for a while. */
export const machineFaults = [
  'power-cut',
  'cut',
  'cut-in',
  'cut-out',
  'musterd-hang',
  'musterd-stop',
  /** musterd hangs, and when it goes on etcd has forgotten what it has not seen. */
  'musterd-hang-compaction',
] as const;
type MachineFault = (typeof machineFaults)[number] | LinkFault;

/** Of a machine whose way to etcd leads through the proxy. */
export const linkFaults = [
  'link-slow',
  'link-halting',
  'link-stall',
  'link-half-open',
  /** It hears everything; what it sends arrives when the link is mended, whoever leads by then. */
  'link-late',
] as const;
type LinkFault = (typeof linkFaults)[number];

/** Of one machine, and over by itself. */
export const singleFaults = [
  'musterd-kill',
  'reboot',
  /** etcd ends the machine's lease before its time. */
  'lease-lost',
] as const;
type SingleFault = (typeof singleFaults)[number];

/** Of one member of etcd. */
export const memberFaults = [
  'etcd-kill',
  'etcd-hang',
  'etcd-cut',
  'etcd-cut-in',
  'etcd-cut-out',
  'etcd-slow',
] as const;
type MemberFault = (typeof memberFaults)[number];

/** Of whoever leads etcd just then, of a quorum, of all of it. */
export const storeFaults = ['etcd-leader-kill', 'etcd-no-quorum', 'etcd-away'] as const;
type StoreFault = (typeof storeFaults)[number];

/** Of several machines at once. */
export const crowdFaults = ['crowd-cut'] as const;
type CrowdFault = (typeof crowdFaults)[number];

/** `atMs`: after the round began. */
export interface TimedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

/** A fault as it was: in ms of the shared monotonic clock. */
export interface Inflicted {
  readonly fault: Fault;
  readonly from: number;
  /** When it had been put right. */
  readonly until: number;
}

/** Machines that a fault is about. */
export function machinesOf(fault: Fault): readonly number[] {
  if ('machines' in fault) return fault.machines;
  return 'machine' in fault ? [fault.machine] : [];
}

/** Of the machines' leases: musterd's default. */
const ttlMs = 8000;

/**
 * Machines that others may have to take for gone while this lasts: their lease ends, although they
 * may be running.
 */
export function silences(fault: Fault): readonly number[] {
  switch (fault.kind) {
    case 'cut':
    case 'cut-in':
    case 'cut-out':
    case 'crowd-cut':
    case 'musterd-hang':
    case 'musterd-hang-compaction':
    case 'link-stall':
    case 'link-half-open':
    case 'link-late':
      // Heard of last up to a renewal's interval (a third of the ttl) before.
      return fault.forMs >= ttlMs / 2 ? machinesOf(fault) : [];
    case 'lease-lost':
      return machinesOf(fault);
    case 'power-cut':
    case 'musterd-stop':
    case 'link-slow':
    case 'link-halting':
    case 'musterd-kill':
    case 'reboot':
    case 'etcd-kill':
    case 'etcd-hang':
    case 'etcd-cut':
    case 'etcd-cut-in':
    case 'etcd-cut-out':
    case 'etcd-slow':
    case 'etcd-leader-kill':
    case 'etcd-no-quorum':
    case 'etcd-away':
      return [];
  }
}

/**
 * Whether a machine may not hear of its lease for half of its time: a unit that must not run twice
 * has to end there then, be it that etcd is away for everybody.
 */
export function unsettlesLease(fault: Fault, machine: number): boolean {
  return fault.kind.startsWith('etcd-') || machinesOf(fault).includes(machine);
}

/** Machines whose processes a fault ends, whatever muster does. */
export function powersOff(fault: Fault): readonly number[] {
  return fault.kind === 'power-cut' || fault.kind === 'reboot' ? machinesOf(fault) : [];
}

export function describeFault(fault: Fault): string {
  const about =
    'machines' in fault
      ? ` of machines ${fault.machines.join(', ')}`
      : 'machine' in fault
        ? ` of machine ${fault.machine}`
        : 'member' in fault
          ? ` of member ${fault.member}`
          : '';
  const duration = 'forMs' in fault ? ` for ${(fault.forMs / 1000).toFixed(1)} s` : '';
  return `${fault.kind}${about}${duration}`;
}
