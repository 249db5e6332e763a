import { AssignmentKeeper, WithoutStore, whyBarred } from '@muster/agent';
import type { Registry } from '@muster/registry';
import { AssignmentFile } from './assignment-file.ts';
import { RefusalFile } from './refusal-file.ts';
import type { Running } from './reload.ts';
import type { DaemonParts } from './wire.ts';

/** What lets this machine start units in a boot in which etcd cannot be reached. */
export interface WithoutStorePart {
  readonly withoutStore: WithoutStore;
  readonly keeper: AssignmentKeeper;
  /** Another machine was found alive under the id of this one. Never rejects. */
  readonly refused: () => Promise<void>;
}

/** To be called before this machine is registered. */
export async function wireWithoutStore(
  { clock, log, leaseStore, knownStore }: DaemonParts,
  { registry, running }: { registry: Registry; running: Running },
): Promise<WithoutStorePart> {
  const { config, machine } = running;
  const { bootId } = machine;
  const agentLog = log.child({ component: 'agent' });
  const { prefix, endpoints } = config.etcd;
  const assignments = new AssignmentFile({
    directory: config.state,
    home: { machine: machine.id, prefix, endpoints },
    knownStore,
    log: agentLog,
  });
  const refusal = new RefusalFile(config.runtime, agentLog);
  const lease = await leaseStore.load();
  const withoutStore = new WithoutStore({
    contact: registry.contact,
    assignments,
    clock,
    log: agentLog,
    afterMs: config.agent.offlineMs,
    barred: whyBarred({ bootId, lease, refusedIn: await refusal.load(bootId) }),
  });
  const keeper = new AssignmentKeeper({
    registry: registry.agent,
    assignments,
    clock,
    log: agentLog,
  });
  const refused = async (): Promise<void> => {
    withoutStore.bar('another machine with its id is alive');
    await refusal.save(bootId);
  };
  return { withoutStore, keeper, refused };
}
