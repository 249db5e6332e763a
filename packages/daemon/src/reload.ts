import type { Capacity } from '@muster/core';
import type { MachineFacts } from '@muster/registry';
import { ConfigError } from './config.ts';
import type { Config } from './config-model.ts';
import type { DaemonLog } from './log.ts';
import { planReload } from './reload-plan.ts';

/** What musterd runs with; a reload replaces both. */
export interface Running {
  config: Config;
  /** What the cluster is told of this machine. */
  machine: MachineFacts;
}

/** What a reload reads. Each may reject; nothing has changed then. */
interface ReloadSources {
  /** @throws {ConfigError} */
  readonly config: () => Promise<Config>;
  /** The address of this machine when `configured` says none, or `configured`. */
  readonly address: (configured: string | null) => Promise<string | null>;
  /** What this machine has, and what of it is for units. */
  readonly capacity: (config: Config) => Promise<Capacity>;
}

/** What a reload changes. */
export interface ReloadTargets {
  /**
   * Listens there from now on, with certificates read anew, or rejects and everything is as it was.
   * @returns where other daemons reach this one at `address`; null: nowhere
   */
  readonly listen: (config: Config, address: string | null) => Promise<string | null>;
  /** Takes the rest over. Does not fail, and does nothing for what is the same as before. */
  readonly apply: (config: Config) => void;
  /** Tells the cluster and the units of this machine. Never rejects. */
  readonly publish: (machine: MachineFacts) => Promise<void>;
}

export interface ReloadOptions {
  readonly running: Running;
  readonly sources: ReloadSources;
  readonly targets: ReloadTargets;
  readonly log: DaemonLog;
  /** @param waiting - how many keys wait for a restart */
  readonly onEnd: (result: 'applied' | 'refused', waiting: number) => void;
}

/**
 * Reads the configuration anew and takes over what can be without a restart. Who decides:
 * planReload. All that can fail is done first; then the listeners are changed, wholly or not at all;
 * what follows cannot fail. Done twice it does nothing the second time. Never rejects.
 */
export async function reload(options: ReloadOptions): Promise<void> {
  const { running, sources, targets, log, onEnd } = options;
  try {
    const { config, changed, waiting } = planReload(running.config, await sources.config());
    const address = await sources.address(config.machine.address);
    const capacity = await sources.capacity(config);
    const apiUrl = await targets.listen(config, address);
    running.config = config;
    running.machine = {
      ...running.machine,
      address,
      apiUrl,
      metadata: config.machine.metadata,
      capacity,
    };
    targets.apply(config);
    await targets.publish(running.machine);
    for (const key of waiting) {
      log.warn({ key }, 'another value in the configuration waits for a restart of musterd');
    }
    log.info({ changed }, 'the configuration was reloaded');
    onEnd('applied', waiting.length);
  } catch (err) {
    const problems = err instanceof ConfigError ? err.problems : null;
    for (const problem of problems ?? []) log.error({ problem }, 'the configuration is not valid');
    log.error(
      problems === null ? { err } : { problems: problems.length },
      'the configuration was not reloaded; everything is as it was',
    );
    onEnd('refused', 0);
  }
}
