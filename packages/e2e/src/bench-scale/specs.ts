import type { UnitRequest } from '@muster/api/client';
import { sleeper } from '../cluster.ts';
import { zones } from './simulated-machine.ts';

/** Units of one case, with what must be true of where they are. */
export interface Spec {
  readonly label: string;
  readonly units: readonly UnitRequest[];
  /** On so many machines each of them is placed. */
  readonly copies: number;
  /** What is wrong with the machines that have these units (unit → machines); null: nothing. */
  readonly judge: (places: ReadonlyMap<string, readonly string[]>) => string | null;
}

const nothing = (): null => null;

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

export function basic(count: number): Spec {
  const units = numbered(count).map((i) => sleeper(`basic-${i}.service`));
  return { label: 'basic', units, copies: 1, judge: nothing };
}

/** Units in groups of 10, or of as many as there are machines; no two of a group on one machine. */
export function conflicts(count: number, machines: number): Spec {
  const size = Math.min(10, machines);
  const group = (i: number): number => Math.floor(i / size);
  const name = (i: number): string => `conflict-${group(i)}-${i % size}.service`;
  return {
    label: 'conflicts',
    units: numbered(count).map((i) => sleeper(name(i), `Conflicts=conflict-${group(i)}-*`)),
    copies: 1,
    judge: (places) => {
      const taken = new Map<string, string>();
      for (const i of numbered(count)) {
        for (const machine of places.get(name(i)) ?? []) {
          const key = `${group(i)} on ${machine}`;
          const other = taken.get(key);
          if (other !== undefined) return `${name(i)} and ${other} are both on ${machine}`;
          taken.set(key, name(i));
        }
      }
      return null;
    },
  };
}

/** Units in groups of 5, four of which go where the first is; and each group to one zone. */
export function affinity(count: number): Spec {
  const first = (i: number): number => i - (i % 5);
  const name = (i: number): string => `affinity-${first(i)}-${i % 5}.service`;
  const where = (i: number): string =>
    i % 5 === 0 ? `MachineMetadata=zone=z${(i / 5) % zones}` : `MachineOf=${name(first(i))}`;
  return {
    label: 'affinity',
    units: numbered(count).map((i) => sleeper(name(i), where(i))),
    copies: 1,
    judge: (places) => {
      for (const i of numbered(count)) {
        const [mine] = places.get(name(i)) ?? [];
        const [leading] = places.get(name(first(i))) ?? [];
        if (mine !== leading) return `${name(i)} is on ${mine}, ${name(first(i))} on ${leading}`;
      }
      return null;
    },
  };
}

/** Units that run on every machine. */
export function everywhere(count: number, machines: number): Spec {
  const units = numbered(count).map((i) => sleeper(`global-${i}.service`, 'Global=true'));
  return {
    label: 'global',
    units,
    copies: machines,
    judge: (places) => {
      const wrong = units.find(({ name }) => places.get(name)?.length !== machines);
      if (wrong === undefined) return null;
      return `${wrong.name} is on ${places.get(wrong.name)?.length ?? 0} of ${machines} machines`;
    },
  };
}

/** Units that systemd itself restarts until they stay up. */
export function failing(count: number): Spec {
  const restart = 'Restart=on-failure\nRestartSec=0.1\n';
  const file = `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\n${restart}`;
  const units = numbered(count).map((i) => ({ name: `failing-${i}.service`, file }));
  return { label: 'failing', units, copies: 1, judge: nothing };
}

/** Units that no machine may have. */
export function unschedulable(count: number): readonly UnitRequest[] {
  return numbered(count).map((i) => sleeper(`nowhere-${i}.service`, 'MachineMetadata=zone=none'));
}
