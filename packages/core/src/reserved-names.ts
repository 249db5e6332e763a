import { parseUnitName, withDefaultSuffix } from './unit-name.ts';

/** Targets that systemd 252 ships or makes up; a unit of ours would hide them. */
const systemdTargets: ReadonlySet<string> = new Set(
  `basic blockdev@ bluetooth boot-complete cryptsetup cryptsetup-pre ctrl-alt-del default emergency exit
  factory-reset final first-boot-complete getty getty-pre graphical halt hibernate hybrid-sleep initrd
  initrd-fs initrd-root-device initrd-root-fs initrd-switch-root initrd-usr-fs integritysetup
  integritysetup-pre kbrequest kexec local-fs local-fs-pre machines multi-user network network-online
  network-pre nss-lookup nss-user-lookup paths poweroff printer reboot remote-cryptsetup remote-fs
  remote-fs-pre remote-veritysetup rescue rpcbind runlevel0 runlevel1 runlevel2 runlevel3 runlevel4
  runlevel5 runlevel6 shutdown sigpwr sleep slices smartcard sockets soft-reboot sound suspend
  suspend-then-hibernate swap sysinit system-update system-update-pre time-set time-sync timers umount
  usb-gadget veritysetup veritysetup-pre`.split(/\s+/),
);

/** Beginnings of names that belong to systemd, the bus or muster, whatever follows. */
const reservedPrefixes: readonly (readonly [prefix: string, owner: string])[] = [
  ['systemd-', 'systemd'],
  ['initrd-', 'systemd'],
  ['dbus-org.freedesktop.', 'D-Bus'],
  ['muster.', 'muster'],
  ['muster-', 'muster'],
  ['musterd.', 'muster'],
  ['musterd-', 'muster'],
];

/** Stems (instances: prefix and `@`) that belong to the host in every type. */
const reservedStems: ReadonlyMap<string, string> = new Map([
  ['dbus', 'D-Bus'],
  ['dbus-broker', 'D-Bus'],
  ['-', 'systemd'],
  ['init', 'systemd'],
  ['syslog', 'systemd'],
  ['emergency', 'systemd'],
  ['rescue', 'systemd'],
  ['debug-shell', 'systemd'],
  ['getty@', 'systemd'],
  ['autovt@', 'systemd'],
  ['serial-getty@', 'systemd'],
  ['container-getty@', 'systemd'],
  ['console-getty', 'systemd'],
  ['user@', 'systemd'],
  ['user-runtime-dir@', 'systemd'],
  ['modprobe@', 'systemd'],
]);

const systemdSlices = /^(?:system|user|machine|init)(?:-.*)?$/s;

/**
 * Why the cluster may not have a unit of this name: every machine needs its own. null: it may.
 * Names that only some machines have (`ssh.service`) are refused by those machines.
 */
export function reservedNameProblem(name: string): string | null {
  const owner = ownerOf(name);
  return owner === null ? null : `${name} belongs to ${owner} on every machine`;
}

function ownerOf(name: string): string | null {
  const { stem, type, prefix, instance } = parseUnitName(withDefaultSuffix(name));
  for (const [reserved, owner] of reservedPrefixes) {
    if (`${stem}.`.startsWith(reserved)) return owner;
  }
  const key = instance === null ? stem : `${prefix}@`;
  const owner = reservedStems.get(key);
  if (owner !== undefined) return owner;
  if (type === 'target' && systemdTargets.has(key)) return 'systemd';
  if (type === 'slice' && systemdSlices.test(stem)) return 'systemd';
  return null;
}
