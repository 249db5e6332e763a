import type { MessageBusLink } from './bus.ts';
import { Gate } from './gate.ts';
import { unitPath } from './unit-names.ts';

export const service = 'org.freedesktop.systemd1';
export const managerPath = '/org/freedesktop/systemd1';
export const managerInterface = `${service}.Manager`;

/** Measured on systemd 252: with more, PID 1 may drop its bus connection. */
const callsInFlight = 100;

/** The calls that this package makes to a systemd, at most so many at a time. */
export class ManagerCalls {
  readonly #bus: MessageBusLink;
  readonly #calls = new Gate({ places: callsInFlight });

  constructor(bus: MessageBusLink) {
    this.#bus = bus;
  }

  /** One of the few that are never made in masses. */
  now(member: string): Promise<readonly unknown[]> {
    return this.#call(member, '', []);
  }

  of(member: string, signature: string, body: readonly unknown[]): Promise<readonly unknown[]> {
    return this.#calls.within(() => this.#call(member, signature, body));
  }

  /** May wait behind somebody's daemon-reload: to give up early would be to ask twice. */
  job(verb: string, name: string): Promise<readonly unknown[]> {
    return this.#calls.within(() =>
      this.#bus.call({
        destination: service,
        path: managerPath,
        interface: managerInterface,
        member: verb,
        signature: 'ss',
        body: [name, 'replace'],
        isSlow: true,
      }),
    );
  }

  async reload(): Promise<void> {
    await this.#bus.call({
      destination: service,
      path: managerPath,
      interface: managerInterface,
      member: 'Reload',
      isSlow: true,
    });
  }

  property(unit: string, from: string, name: string): Promise<unknown> {
    return this.#calls.within(() => this.#get(unitPath(unit), from, name));
  }

  managerProperty(name: string): Promise<unknown> {
    return this.#get(managerPath, managerInterface, name);
  }

  #call(member: string, signature: string, body: readonly unknown[]): Promise<readonly unknown[]> {
    const target = { destination: service, path: managerPath, interface: managerInterface };
    return this.#bus.call({ ...target, member, signature, body });
  }

  async #get(path: string, from: string, name: string): Promise<unknown> {
    const [value] = await this.#bus.call({
      destination: service,
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: [from, name],
    });
    return value;
  }
}
