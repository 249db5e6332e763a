import { setTimeout as pause } from 'node:timers/promises';
import { askAt } from './ground.ts';
import type { Answer } from './ground.ts';

/** What a fleetctl of 2018 asks of its daemon, call for call, and what it makes of the answers. */

export interface Option {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

export interface FleetctlUnit {
  readonly name: string;
  readonly desiredState: string;
  readonly currentState: string;
  readonly machineID: string;
  readonly options: readonly Option[];
}

interface FleetctlState {
  readonly name: string;
  readonly machineID: string;
  readonly hash: string;
  readonly systemdActiveState: string;
  readonly systemdLoadState: string;
  readonly systemdSubState: string;
}

export interface FleetctlMachine {
  readonly id: string;
  readonly primaryIP: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface FleetctlOptions {
  readonly socketPath: string;
  /** 250 in fleetctl. */
  readonly pollMs: number;
  /** `--block-attempts`: of 2 s each, or 8 polls. 0: as long as it takes. */
  readonly blockAttempts?: number;
}

interface Submit {
  /** The local file; null: there is none. */
  readonly file: readonly Option[] | null;
  readonly replace?: boolean;
}

/** As fleetctl prints it before it ends with status 1. */
class FleetctlError extends Error {}

const pollsPerAttempt = 8;
/** It names a server even on a unix socket, and so in every request's target. */
const baseUrl = 'http://domain-sock/fleet/v1';

export class Fleetctl {
  /** `METHOD path status`; the same call several times in a row is noted once. */
  readonly calls: string[] = [];
  readonly #options: FleetctlOptions;

  constructor(options: FleetctlOptions) {
    this.#options = options;
  }

  /** What was called since the last time this was asked. */
  takeCalls(): string[] {
    return this.calls.splice(0);
  }

  async submit(name: string, { file, replace = false }: Submit): Promise<void> {
    await this.#submit(name, { file, replace, states: ['inactive'] });
  }

  async load(name: string, { file, replace = false }: Submit): Promise<void> {
    await this.#submit(name, { file, replace, states: ['inactive', 'loaded'] });
    await this.#set(name, 'loaded');
  }

  async start(name: string, { file, replace = false }: Submit): Promise<void> {
    await this.#submit(name, { file, replace, states: ['inactive', 'loaded', 'launched'] });
    if (!(await this.#set(name, 'launched'))) return;
    await this.#poll(
      async () => {
        const state = decodeState(await this.#get(`/state/${encodeURIComponent(name)}`));
        return state.systemdActiveState === 'active' && state.systemdLoadState === 'loaded';
      },
      1,
      `Failed to find an active unit ${name} within 2s, err: Failed to fetch states within 2s`,
    );
  }

  async stop(name: string): Promise<void> {
    const unit = await this.#known(name);
    if (unit === null || unit.currentState === 'loaded') return;
    if (unit.currentState === 'inactive') {
      throw new FleetctlError(`Unable to stop unit ${name} in state inactive`);
    }
    await this.#put(name, { desiredState: 'loaded', name });
    await this.#untilCurrent(name, 'loaded');
  }

  async unload(name: string): Promise<void> {
    const unit = await this.#known(name);
    if (unit === null || unit.currentState === 'inactive') return;
    await this.#put(name, { desiredState: 'inactive', name });
    await this.#untilCurrent(name, 'inactive');
  }

  /** With `--no-block`, which is what makes it wait. */
  async destroy(name: string): Promise<void> {
    await this.units();
    await this.#ask('DELETE', unitPath(name), [204, 404]);
    await this.#poll(async () => (await this.#unit(name)) === null, 0, 'timed out');
  }

  /** With fleetctl's own mistake: after asking for `loaded` it waits for `launched`. */
  async restart(name: string): Promise<void> {
    const unit = await this.#known(name);
    if (unit === null || unit.currentState === 'inactive') return;
    await this.#unit(name);
    if (unit.currentState === 'launched') {
      await this.#put(name, { desiredState: 'loaded', name });
      await this.#untilCurrent(name, 'launched');
    }
    await this.#put(name, { desiredState: 'launched', name });
    await this.#untilCurrent(name, 'launched');
  }

  /** What `cat` prints; `status` and `journal` look for the machine as well. */
  async cat(name: string): Promise<string> {
    const unit = await this.#unit(name);
    if (unit === null) throw new FleetctlError(`Unit ${name} not found`);
    return textOf(unit.options);
  }

  /** @returns the address that systemctl is run at */
  async status(name: string): Promise<string> {
    const unit = await this.#unit(name);
    if (unit === null) throw new FleetctlError(`Unit ${name} does not exist.`);
    const machine = (await this.machines()).find(({ id }) => id === unit.machineID);
    if (machine === undefined) {
      throw new FleetctlError(`Unit ${name} does not appear to be loaded.`);
    }
    return machine.primaryIP;
  }

  /** Lines of `list-units --fields=unit,machine,active,sub,hash`. */
  async listUnits(): Promise<string[]> {
    const states = (await this.#pages('/state', 'states')).map(decodeState);
    const machines = await this.machines();
    return states.map((state) => {
      const machine = machines.find(({ id }) => id === state.machineID);
      // A hash that is shorter makes fleetctl crash.
      if (state.hash !== '' && state.hash.length < 7) throw new RangeError(state.hash);
      const { name, systemdActiveState: active, systemdSubState: sub } = state;
      const legend = `${state.machineID.slice(0, 8)}.../${machine?.primaryIP ?? ''}`;
      return `${name}\t${legend}\t${active}\t${sub}\t${state.hash.slice(0, 7)}`;
    });
  }

  /** Lines of `list-unit-files --fields=unit,dstate,state`. */
  async listUnitFiles(): Promise<string[]> {
    return (await this.units()).map(({ name, desiredState, currentState, options }) => {
      return `${name}\t${desiredState}\t${isGlobal(options) ? '-' : currentState}`;
    });
  }

  async units(): Promise<FleetctlUnit[]> {
    return (await this.#pages('/units', 'units')).map(decodeUnit);
  }

  async machines(): Promise<FleetctlMachine[]> {
    return (await this.#pages('/machines', 'machines')).map(decodeMachine);
  }

  async #submit(
    name: string,
    { file, replace, states }: Submit & { readonly states: readonly string[] },
  ): Promise<void> {
    const there = await this.#unit(name);
    if (there === null) return this.#create(name, file ?? (await this.#templateOf(name)));
    const isOther = file !== null && textOf(file) !== textOf(there.options);
    if (!replace || !isOther || !states.includes(there.desiredState)) return;
    await this.#create(name, file);
  }

  async #create(name: string, options: readonly Option[]): Promise<void> {
    await this.#put(name, { name, options });
    await this.#untilCurrent(name, 'inactive');
  }

  async #templateOf(name: string): Promise<readonly Option[]> {
    const template = name.replace(/@[^.]+\./, '@.');
    const unit = template === name ? null : await this.#unit(template);
    if (unit !== null) return unit.options;
    throw new FleetctlError(
      `Error creating units: unable to find Unit(${name}) in Registry or on filesystem`,
    );
  }

  /** @returns false when it is wanted like that already */
  async #set(name: string, desiredState: string): Promise<boolean> {
    const unit = await this.#unit(name);
    if (unit === null) throw new FleetctlError(`unable to find unit ${name}`);
    if (unit.desiredState === desiredState) return false;
    await this.#put(name, { desiredState, name });
    // Global units are not waited for.
    if (isGlobal(unit.options)) return false;
    await this.#untilCurrent(name, desiredState);
    await this.machines();
    return true;
  }

  async #untilCurrent(name: string, state: string): Promise<void> {
    const reached = async (): Promise<boolean> => {
      const unit = await this.#unit(name);
      if (unit === null) return false;
      return (isGlobal(unit.options) ? unit.desiredState : unit.currentState) === state;
    };
    const attempts = this.#options.blockAttempts ?? 0;
    await this.#poll(
      reached,
      attempts,
      `timed out waiting for unit ${name} to report state ${state}`,
    );
  }

  async #poll(probe: () => Promise<boolean>, attempts: number, failure: string): Promise<void> {
    const polls = attempts === 0 ? Number.POSITIVE_INFINITY : attempts * pollsPerAttempt;
    for (let poll = 1; poll <= polls; poll += 1) {
      await pause(this.#options.pollMs);
      if (await probe()) return;
    }
    throw new FleetctlError(failure);
  }

  async #known(name: string): Promise<FleetctlUnit | null> {
    return (await this.units()).find((unit) => unit.name === name) ?? null;
  }

  async #unit(name: string): Promise<FleetctlUnit | null> {
    const answer = await this.#ask('GET', unitPath(name), [200, 404]);
    return answer.status === 404 ? null : decodeUnit(JSON.parse(answer.text));
  }

  async #put(name: string, unit: object): Promise<void> {
    await this.#ask('PUT', unitPath(name), [201, 204], unit);
  }

  async #pages(path: string, field: string): Promise<unknown[]> {
    const items: unknown[] = [];
    let token = '';
    do {
      const page = Object(await this.#get(path, token));
      items.push(...(page[field] ?? []));
      token = page.nextPageToken ?? '';
    } while (token !== '');
    return items;
  }

  async #get(path: string, token = ''): Promise<unknown> {
    return JSON.parse((await this.#ask('GET', path, [200], undefined, token)).text);
  }

  async #ask(
    method: string,
    path: string,
    good: readonly number[],
    body?: object,
    token = '',
  ): Promise<Answer> {
    const query = new URLSearchParams({
      alt: 'json',
      ...(token === '' ? {} : { nextPageToken: token }),
    });
    const headers = {
      'user-agent': 'google-api-go-client/0.5',
      'accept-encoding': 'gzip',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = body === undefined ? { headers } : { headers, body };
    const url = `${baseUrl}${path}?${query}`;
    const answer = await askAt(this.#options.socketPath, method, url, sent);
    const call = `${method} ${path.slice(1)}${token === '' ? '' : ' (next page)'} ${answer.status}`;
    if (this.calls.at(-1) !== call) this.calls.push(call);
    if (good.includes(answer.status)) return answer;
    const { code, message } = JSON.parse(answer.text).error;
    if (typeof code !== 'number') throw new TypeError(`error code ${JSON.stringify(code)}`);
    throw new FleetctlError(`googleapi: Error ${code}: ${message}`);
  }
}

// ---------------------------------------------------------------- as a Go client decodes structs

function decodeUnit(json: unknown): FleetctlUnit {
  const options: unknown[] = Object(json).options ?? [];
  if (!Array.isArray(options)) throw new TypeError('options are no list');
  return {
    name: textField(json, 'name'),
    desiredState: textField(json, 'desiredState'),
    currentState: textField(json, 'currentState'),
    machineID: textField(json, 'machineID'),
    options: options.map((option) => ({
      section: textField(option, 'section'),
      name: textField(option, 'name'),
      value: textField(option, 'value'),
    })),
  };
}

function decodeState(json: unknown): FleetctlState {
  return {
    name: textField(json, 'name'),
    machineID: textField(json, 'machineID'),
    hash: textField(json, 'hash'),
    systemdActiveState: textField(json, 'systemdActiveState'),
    systemdLoadState: textField(json, 'systemdLoadState'),
    systemdSubState: textField(json, 'systemdSubState'),
  };
}

function decodeMachine(json: unknown): FleetctlMachine {
  const metadata = Object(json).metadata ?? {};
  const keys = Object.keys(metadata);
  return {
    id: textField(json, 'id'),
    primaryIP: textField(json, 'primaryIP'),
    metadata: Object.fromEntries(keys.map((key) => [key, textField(metadata, key)])),
  };
}

/** '' when it is absent. */
function textField(json: unknown, name: string): string {
  const value: unknown = Object(json)[name];
  if (value === undefined) return '';
  if (typeof value !== 'string')
    throw new TypeError(`${name} is no text in ${JSON.stringify(json)}`);
  return value;
}

function unitPath(name: string): string {
  return `/units/${encodeURIComponent(name)}`;
}

function isGlobal(options: readonly Option[]): boolean {
  return options.some(({ section, name, value }) => {
    return section === 'X-Fleet' && name === 'Global' && value === 'true';
  });
}

function textOf(options: readonly Option[]): string {
  const sections = [...new Set(options.map(({ section }) => section))];
  return sections
    .map((section) => {
      const lines = options.filter((option) => option.section === section);
      return `[${section}]\n${lines.map(({ name, value }) => `${name}=${value}\n`).join('')}`;
    })
    .join('\n');
}
