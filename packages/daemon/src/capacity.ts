import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import type { Amount, Capacity } from '@muster/core';
import { readFileIfPresent } from './atomic-file.ts';
import type { Config } from './config-model.ts';

/**
 * What this machine has, and what of it is not for units, as it is published. What cannot be found
 * out is left out.
 */
export async function readCapacity({
  machine,
  state,
}: Pick<Config, 'machine' | 'state'>): Promise<Capacity> {
  const [diskBytes, cpuList] = await Promise.all([
    readDiskBytes(state),
    readFileIfPresent('/sys/devices/system/cpu/online'),
  ]);
  const memoryBytes = totalmem();
  const { milliCpus, memory, disk } = machine.reserve;
  return {
    cpus: cpus().length,
    memoryBytes,
    ...(diskBytes === null ? {} : { diskBytes }),
    ...(machine.tasks === null ? {} : { tasks: machine.tasks }),
    ...(cpuList === null ? {} : { cpuList: cpuList.trim() }),
    reserved: {
      cpus: milliCpus / 1000,
      memoryBytes: memory === null ? defaultMemory(memoryBytes) : amountOf(memory, memoryBytes),
      diskBytes: diskBytes === null ? 0 : amountOf(disk, diskBytes),
    },
  };
}

/** null: the file system does not say. */
async function readDiskBytes(directory: string): Promise<number | null> {
  try {
    const { blocks, bsize } = await statfs(directory);
    return blocks > 0 ? blocks * bsize : null;
  } catch {
    return null;
  }
}

function defaultMemory(all: number): number {
  return Math.min(1024 ** 3, Math.floor(all / 10));
}

/** Never more than there is. */
function amountOf(amount: Amount, all: number): number {
  if (amount.type === 'count') return Math.min(all, amount.count);
  return Math.floor((all * amount.permyriad) / 10_000);
}
