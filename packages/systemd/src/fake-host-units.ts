import { HostUnitError } from '@muster/core';
import { templateOf } from './unit-names.ts';

/** Units that the host of the fake has itself. */
export class FakeHostUnits extends Map<string, 'fragment' | 'mask'> {
  /** Why a unit of this name cannot be ours; null: it can. */
  reason(name: string): string | null {
    const kind = this.get(name);
    if (kind === 'mask') return `${name} is masked on this machine by /etc/${name}`;
    if (kind === 'fragment') return `this machine has a unit ${name} of its own: /usr/${name}`;
    const template = templateOf(name);
    if (template === null || !this.has(template)) return null;
    return `this machine has the template of ${name} of its own: /usr/${template}`;
  }

  /** @throws {HostUnitError} */
  refuse(name: string): void {
    const template = templateOf(name);
    const isHosts = [name, template].some((n) => n !== null && this.has(n));
    if (isHosts)
      throw new HostUnitError(`this machine has a unit ${name} of its own: /usr/${name}`);
  }
}
