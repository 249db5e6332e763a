import { hashUnitFile, parseUnitFile, serializeUnitFile } from '@muster/core';
import type { Random } from './random.ts';

/** How a unit behaves once it is started. */
type Kind = 'service' | 'always' | 'oneshot' | 'failing' | 'rescheduled';

/** One content of a unit, and what it means; the simulation does not ask muster what it means. */
export interface Spec {
  readonly unit: string;
  readonly kind: Kind;
  readonly isGlobal: boolean;
  /** OnPartition=stop: never two copies, whatever happens. */
  readonly isBound: boolean;
  /** Machine it is pinned to; null: any. */
  readonly machineId: string | null;
  /** `key=value` the machine must have; null: none. */
  readonly metadata: string | null;
  readonly machineOf: string | null;
  /** Names, or one with a trailing `*`. */
  readonly conflicts: readonly string[];
  readonly replaces: readonly string[];
  readonly text: string;
  readonly hash: string;
}

/** Units that have to do with each other. */
interface Group {
  readonly name: string;
  readonly units: readonly string[];
}

type Traits = Partial<Omit<Spec, 'unit' | 'text' | 'hash'>>;

const exec: Readonly<Record<Kind, string>> = {
  service: 'ExecStart=/bin/sleep infinity',
  always: 'ExecStart=/bin/sleep infinity\nRestart=always',
  oneshot: 'Type=oneshot\nExecStart=/bin/sleep 3',
  failing: 'ExecStart=/bin/false',
  rescheduled: 'ExecStart=/bin/false',
};

const rescheduling = ['Reschedule=on-failure', 'RescheduleDelaySec=1s', 'RescheduleLimit=2'];

/** @param version - makes another content of the same meaning */
function makeSpec(unit: string, traits: Traits, version: number): Spec {
  const whole = {
    kind: 'service' as const,
    isGlobal: false,
    isBound: false,
    machineId: null,
    metadata: null,
    machineOf: null,
    conflicts: [],
    replaces: [],
    ...traits,
  };
  const fleet = [
    ...(whole.isGlobal ? ['Global=true'] : []),
    ...(whole.isBound ? ['OnPartition=stop'] : []),
    ...(whole.machineId === null ? [] : [`MachineID=${whole.machineId}`]),
    ...(whole.metadata === null ? [] : [`MachineMetadata=${whole.metadata}`]),
    ...(whole.machineOf === null ? [] : [`MachineOf=${whole.machineOf}`]),
    ...whole.conflicts.map((name) => `Conflicts=${name}`),
    ...whole.replaces.map((name) => `Replaces=${name}`),
    ...(whole.kind === 'rescheduled' ? rescheduling : []),
  ];
  const sections = [
    `[Unit]\nDescription=version ${version}`,
    `[Service]\n${exec[whole.kind]}`,
    ...(fleet.length === 0 ? [] : [`[X-Fleet]\n${fleet.join('\n')}`]),
  ];
  const file = parseUnitFile(`${sections.join('\n\n')}\n`);
  return { ...whole, unit, text: serializeUnitFile(file), hash: hashUnitFile(file) };
}

/** Whether a name is one that is meant: itself, or by a trailing `*`. */
function means(pattern: string, unit: string): boolean {
  return pattern.endsWith('*') ? unit.startsWith(pattern.slice(0, -1)) : pattern === unit;
}

export function clash(a: Spec, b: Spec): boolean {
  if (a.unit === b.unit) return false;
  return a.conflicts.some((p) => means(p, b.unit)) || b.conflicts.some((p) => means(p, a.unit));
}

/** The units that a run deals with: what each may contain, by name. */
export interface Repertoire {
  readonly groups: readonly Group[];
  readonly specs: ReadonlyMap<string, readonly Spec[]>;
}

/** @param machines - ids, at least two */
export function drawRepertoire(random: Random, machines: readonly string[]): Repertoire {
  const specs = new Map<string, readonly Spec[]>();
  const groups: Group[] = [];
  const add = (name: string, traits: Readonly<Record<string, Traits>>): void => {
    groups.push({ name, units: Object.keys(traits) });
    for (const [unit, one] of Object.entries(traits)) {
      specs.set(
        unit,
        [1, 2, 3].map((version) => makeSpec(unit, one, version)),
      );
    }
  };
  const kinds = { service: 6, always: 3, oneshot: 2, failing: 1, rescheduled: 1 };
  const plain = 3 + random.below(4);
  for (let i = 1; i <= plain; i += 1) {
    const unit = `plain${i}.service`;
    add(unit, { [unit]: { kind: random.weighted<Kind>(kinds) } });
  }
  const bound = random.below(4);
  for (let i = 1; i <= bound; i += 1) {
    const kind = random.weighted<Kind>({
      service: 3,
      always: 2,
      oneshot: 1,
      failing: 0,
      rescheduled: 1,
    });
    add(`bound${i}.service`, { [`bound${i}.service`]: { kind, isBound: true } });
  }
  const draw: Readonly<Record<string, () => void>> = {
    global: () => add('global', { 'all.service': { isGlobal: true } }),
    pinned: () => add('pinned', { 'pin.service': { machineId: random.pick(machines) } }),
    region: () => add('region', { 'eu.service': { metadata: 'region=eu' } }),
    template: () => {
      const conflicts = random.chance(0.6) ? ['web@*'] : [];
      const one: Traits = { conflicts, kind: random.chance(0.3) ? 'always' : 'service' };
      add('template', { 'web@1.service': one, 'web@2.service': one, 'web@3.service': one });
    },
    conflicts: () =>
      add('conflicts', {
        'red.service': { conflicts: ['blue.service'] },
        'blue.service': {},
      }),
    peers: () =>
      add('peers', {
        'lead.service': {},
        'side.service': { machineOf: 'lead.service' },
      }),
    replaces: () =>
      add('replaces', {
        'new.service': { replaces: ['old.service'] },
        'old.service': {},
      }),
  };
  for (const [, act] of Object.entries(draw)) if (random.chance(0.5)) act();
  return { groups, specs };
}
