import type { Row } from '../bench/row.ts';

export interface PureOptions {
  /** Fewer machines and units. */
  readonly isQuick: boolean;
  /** Tells what is being done. */
  readonly say: (text: string) => void;
}

/** The scheduler alone, as a pure function in this process: no etcd, no agents. */
export async function pureRows(_options: PureOptions): Promise<Row[]> {
  return [];
}
