import type { AgentRegistry, MachineSettings } from '@muster/core';
import type { MachineFacts } from '@muster/registry';
import type { DaemonLog } from './log.ts';
import { MachineEnvFile, machineEnvironment } from './machine-env.ts';

/** What the file was written with. */
interface Written {
  readonly machine: MachineFacts;
  readonly settings: MachineSettings | null;
}

/** Keeps machine.env as metadata says, from the machine and from the operator. */
export class MachineEnvironment {
  readonly #file: MachineEnvFile;
  readonly #registry: AgentRegistry;
  readonly #log: DaemonLog;
  #machine: MachineFacts;
  #written: Written | null = null;
  /** Updates are made one after the other. */
  #last = Promise.resolve();

  /** @param runtime - the directory that the file is in */
  constructor(
    runtime: string,
    parts: { registry: AgentRegistry; machine: MachineFacts; log: DaemonLog },
  ) {
    this.#file = new MachineEnvFile(runtime);
    this.#machine = parts.machine;
    this.#registry = parts.registry;
    this.#log = parts.log;
  }

  /** The machine says something else of itself from now on. Never rejects. */
  setMachine(machine: MachineFacts): Promise<void> {
    this.#machine = machine;
    return this.update();
  }

  /** Never rejects. While the store cannot be read, what was written last holds. */
  update(): Promise<void> {
    this.#last = this.#last.then(() => this.#update());
    return this.#last;
  }

  async #update(): Promise<void> {
    try {
      const machine = this.#machine;
      const settings = this.#settings();
      if (this.#written?.machine === machine && this.#written.settings === settings) return;
      await this.#file.update(machineEnvironment(machine, settings));
      this.#written = { machine, settings };
    } catch (err) {
      this.#log.warn({ err }, 'machine.env cannot be written');
    }
  }

  #settings(): MachineSettings | null {
    try {
      return this.#registry.snapshot().settings;
    } catch (err) {
      this.#log.debug({ err }, 'what an operator set for this machine is not known yet');
      return this.#written?.settings ?? null;
    }
  }
}
