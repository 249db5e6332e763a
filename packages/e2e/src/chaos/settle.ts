import type { Cluster } from '../cluster.ts';
import { namePrefix } from './units.ts';
import type { CastUnit } from './units.ts';

/** What there is of the run's units on one machine, by its systemd and its disk. */
export interface MachineLook {
  readonly machine: number;
  /** Unit that is loaded in systemd → its active state. */
  readonly states: ReadonlyMap<string, string>;
  /** Files and links with the run's prefix anywhere systemd looks for units. */
  readonly files: readonly string[];
}

/** What is wanted, as the store has it. */
export interface Wanted {
  /** unit → desired state; a unit that does not exist is not in it. */
  readonly desired: ReadonlyMap<string, string>;
  /** machine → its metadata set by hand */
  readonly metadata: ReadonlyMap<number, Readonly<Record<string, unknown>>>;
}

const look = `
  systemctl list-units --all --plain --no-legend --full '${namePrefix}*' |
    while read -r unit load active rest; do echo "state $unit $active"; done
  find /run/systemd /etc/systemd /run/muster -name '${namePrefix}*' 2>/dev/null | sed 's/^/file /'
  echo end`;

/** @throws when a machine does not answer */
export async function lookAt({ lab }: Cluster, machine: number): Promise<MachineLook> {
  const lines = (await lab.sh(machine, look)).split('\n');
  if (lines.at(-1) !== 'end') throw new Error(`machine ${machine} did not say all of it`);
  const words = lines.map((line) => line.split(' '));
  const states = words.filter(([what]) => what === 'state');
  const files = words.filter(([what]) => what === 'file');
  return {
    machine,
    states: new Map(states.map(([, unit = '', active = '']) => [unit, active])),
    files: files.map(([, file = '']) => file),
  };
}

/** One sentence for each way in which the machines are not as they should be; pure. */
export function unsettled(
  cast: readonly CastUnit[],
  { desired, metadata }: Wanted,
  looks: readonly MachineLook[],
): readonly string[] {
  const problems: string[] = [];
  const upOn = new Map(cast.map((unit) => [unit.name, machinesWith(looks, unit, isUp)]));
  for (const unit of cast) {
    const state = desired.get(unit.name) ?? 'absent';
    const up = upOn.get(unit.name) ?? [];
    const there = machinesWith(looks, unit, isThere);
    const say = (text: string): void => void problems.push(`${unit.name} (${state}): ${text}`);
    if (state === 'absent' || state === 'inactive') {
      if (there.length > 0) say(`something of it is left on ${numbers(there)}`);
      continue;
    }
    const places = unit.kind === 'everywhere' ? looks.map(({ machine }) => machine) : null;
    if (places !== null && there.length < places.length) say(`it is only on ${numbers(there)}`);
    if (places === null && there.length !== 1) say(`it is on ${numbers(there)}`);
    if (state === 'loaded' && up.length > 0 && unit.kind !== 'started')
      say(`it is up on ${numbers(up)}`);
    const wantedUp = state === 'launched' && unit.kind !== 'once';
    if (wantedUp && up.length !== (places?.length ?? 1)) say(`it is up on ${numbers(up)}`);
    for (const machine of there) {
      if (!isAllowed(unit, machine, metadata)) say(`it may not be on machine ${machine}`);
    }
  }
  return [...problems, ...neighbours(cast, looks)];
}

/** Followers beside what they follow; what keeps apart, apart. */
function neighbours(cast: readonly CastUnit[], looks: readonly MachineLook[]): string[] {
  const thereOn = (name: string): readonly number[] =>
    machinesWith(looks, { name, kind: 'steady' }, isThere);
  const problems: string[] = [];
  for (const { name, follows, apart } of cast) {
    for (const machine of thereOn(name)) {
      if (follows !== null && !thereOn(follows).includes(machine)) {
        problems.push(`${name} is on machine ${machine} without ${follows}`);
      }
      const others = cast.filter(
        (other) => apart !== null && other.apart === apart && other.name < name,
      );
      for (const other of others) {
        if (!thereOn(other.name).includes(machine)) continue;
        problems.push(`${name} and ${other.name} are both on machine ${machine}`);
      }
    }
  }
  return problems;
}

type Named = Pick<CastUnit, 'name' | 'kind'>;

function machinesWith(
  looks: readonly MachineLook[],
  unit: Named,
  holds: (look: MachineLook, unit: Named) => boolean,
): readonly number[] {
  return looks.filter((each) => holds(each, unit)).map(({ machine }) => machine);
}

function isUp({ states }: MachineLook, { name, kind }: Named): boolean {
  const state = states.get(name) ?? '';
  // Between two runs it waits to be started again.
  return state === 'active' || (kind === 'restless' && state === 'activating');
}

function isThere({ states, files }: MachineLook, { name }: Named): boolean {
  const isFile = files.some((file) => file.endsWith(`/${name}`));
  return isFile || (states.get(name) ?? 'inactive') !== 'inactive';
}

function isAllowed({ only }: CastUnit, machine: number, metadata: Wanted['metadata']): boolean {
  if (only === null) return true;
  if (only.type === 'machine') return only.machine === machine;
  return metadata.get(machine)?.[only.key] === only.value;
}

function numbers(machines: readonly number[]): string {
  if (machines.length === 0) return 'no machine';
  return `machine${machines.length === 1 ? '' : 's'} ${machines.join(', ')}`;
}
