/** Whether muster knows `OnPartition=stop`; without it no unit of a run has it. */
export const partitionStopIsThere: boolean = false;

/** Of the machines' leases: musterd's default. */
export const ttlMs = 8000;
