import { join } from 'node:path';
import { Agent } from '@muster/agent';
import type { WithoutStore } from '@muster/agent';
import { DuplicateMachineError } from '@muster/core';
import type { MachineFacts, Registry } from '@muster/registry';
import { FileNoteStore, openSystemd } from '@muster/systemd';
import type { Config } from './config-model.ts';
import type { DaemonLog } from './log.ts';
import { MachineEnvironment } from './machine-environment.ts';
import type { Metrics } from './metrics.ts';
import type { Running } from './reload.ts';
import type { WithoutStorePart } from './wire-without-store.ts';
import type { DaemonParts } from './wire.ts';

/** What runs this machine's units. */
export interface AgentPart {
  readonly agent: Agent;
  readonly withoutStore: WithoutStore;
  /** Resolves when the signal aborted and the machine was parked. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Tells the cluster, and units that are started from now on. Never rejects. */
  readonly publish: (machine: MachineFacts) => Promise<void>;
}

/** @param refuse - called when another machine is alive under the id of this one */
export function wireAgent(
  { clock, log, env, leaseStore }: DaemonParts,
  {
    registry,
    running,
    metrics,
    startsAlone: { withoutStore, keeper, refused },
  }: {
    registry: Registry;
    running: Running;
    metrics: Metrics;
    startsAlone: WithoutStorePart;
  },
  refuse: (error: unknown) => void,
): AgentPart {
  const { config, machine } = running;
  const { bootId } = machine;
  const { manager } = config.agent;
  const agentLog = log.child({ component: 'agent' });
  const systemdLog = log.child({ component: 'systemd' });
  const guardDirectory = config.runtime;
  const systemd = openSystemd({
    manager,
    env,
    guardDirectory,
    clock,
    log: systemdLog,
    observer: metrics.bus,
  });
  systemd.onJobEnd(metrics.jobEnded);
  const environment = new MachineEnvironment(config.runtime, {
    registry: registry.agent,
    machine,
    log: agentLog,
  });
  const agent = new Agent({
    registry: registry.agent,
    systemd,
    notes: notesOf(config, bootId, agentLog),
    clock,
    log: agentLog,
    bootId,
    pollMs: config.agent.pollMs,
    withoutStore,
    observer: metrics.agent,
  });
  const register = (signal: AbortSignal): void => {
    const onRefused = async (error: unknown): Promise<void> => {
      if (error instanceof DuplicateMachineError) await refused();
      if (!signal.aborted) refuse(error);
    };
    const { ttlSeconds } = config.machine;
    registry.presence
      .register(running.machine, {
        ttlSeconds,
        leaseStore,
        onRefused: (error) => void onRefused(error),
      })
      .catch(onRefused);
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    register(signal);
    // A unit that reads it may be the first that is started.
    await environment.update();
    const unsubscribe = registry.agent.onChange(() => void environment.update());
    await Promise.all([agent.run(signal), keeper.run(signal)]);
    unsubscribe();
    await systemd.close();
    if (registry.agent.session() === null) return;
    await registry.presence
      .park(running.config.agent.awaySeconds)
      .catch((err: unknown) => agentLog.warn({ err }, 'could not say that this machine is away'));
  };
  const publish = async (changed: MachineFacts): Promise<void> => {
    await environment.setMachine(changed);
    await registry.presence.update(changed);
  };
  return { agent, withoutStore, run, publish };
}

export function notesOf(config: Config, bootId: string, log: DaemonLog): FileNoteStore {
  return new FileNoteStore({ directory: join(config.runtime, 'units'), bootId, log });
}
