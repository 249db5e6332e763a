import type { Capacity } from './model.ts';
import type { Need, ResourceKind } from './resources-option.ts';

/** Bytes, thousandths of CPUs, bytes, tasks: whole numbers, so that adding and taking away is exact. */
export type Amounts = Readonly<Record<ResourceKind, number>>;

/** All that a machine has. Infinity: nobody knows. */
export function totalOf({ cpus, memoryBytes, diskBytes, tasks }: Capacity): Amounts {
  return {
    memory: memoryBytes,
    cpu: Math.floor(cpus * 1000),
    disk: diskBytes ?? Infinity,
    tasks: tasks ?? Infinity,
  };
}

/** What units may have of it together. Infinity: there is no limit. */
export function offerOf(capacity: Capacity): Amounts {
  const { memory, cpu, disk, tasks } = totalOf(capacity);
  const { reserved } = capacity;
  const left = (all: number, kept: number | undefined): number => Math.max(0, all - (kept ?? 0));
  return {
    memory: left(memory, reserved?.memoryBytes),
    cpu: left(cpu, reserved && Math.round(reserved.cpus * 1000)),
    disk: left(disk, reserved?.diskBytes),
    tasks,
  };
}

/** How much a need is on a machine; 0 where there is no limit. @param total - see `totalOf` */
export function amountOn(total: Amounts, { kind, amount }: Need): number {
  if (total[kind] === Infinity) return 0;
  if (amount.type === 'count') return amount.count;
  return Math.floor((total[kind] * amount.permyriad) / 10_000);
}
