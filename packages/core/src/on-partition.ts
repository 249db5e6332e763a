import { parseUnitName } from './unit-name.ts';

/**
 * What a machine that has lost contact with the store does with a unit: `keep` lets it run on;
 * `stop` stops it, so that there is never a second one elsewhere.
 */
const onPartitions = ['keep', 'stop'] as const;
export type OnPartition = (typeof onPartitions)[number];

/** Units that are gone for certain once systemd has stopped them and their processes are dead. */
const stoppable: ReadonlySet<string> = new Set(['service', 'socket', 'timer', 'path']);
const starters: ReadonlySet<string> = new Set(['socket', 'timer', 'path']);

export interface ReadOnPartition {
  readonly onPartition: OnPartition;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param value - of the option; null: it is not there */
export function readOnPartition(value: string | null, unit: string): ReadOnPartition {
  const onPartition = onPartitions.find((known) => known === value) ?? 'keep';
  const { type } = parseUnitName(unit);
  const problems: string[] = [];
  if (value !== null && value !== onPartition) {
    problems.push(`OnPartition=${value} is neither keep nor stop`);
  }
  if (onPartition === 'stop' && !stoppable.has(type)) {
    problems.push(
      `OnPartition=stop cannot be kept for a .${type}: only a service, socket, timer or path is gone for certain when it is stopped`,
    );
  }
  const isStarter = onPartition === 'stop' && starters.has(type);
  return {
    onPartition,
    problems,
    warnings: isStarter
      ? [`OnPartition=stop of a .${type} says nothing of what it starts: that needs one of its own`]
      : [],
  };
}
