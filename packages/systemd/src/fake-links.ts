import { parseUnitFile, readInstallSection } from '@muster/core';
import type { InstallLink } from '@muster/core';

const machine = { hostname: 'fake.example', machineId: 'fa6e0000000000000000000000000000' };

/** What `[Install]` of the fake's unit files asks for. */
export class FakeLinks {
  readonly #links = new Map<string, readonly InstallLink[]>();
  #isReloadDue = false;

  get isReloadDue(): boolean {
    return this.#isReloadDue;
  }

  reloaded(): void {
    this.#isReloadDue = false;
  }

  /** Nothing in /run outlives a reboot. */
  clear(): void {
    this.#links.clear();
    this.#isReloadDue = false;
  }

  /** A sentence: there can be no such links. */
  read(unit: string, text: string): readonly InstallLink[] | string {
    const { links, problems } = readInstallSection(parseUnitFile(text), unit, machine);
    return problems[0] ?? links;
  }

  set(unit: string, links: readonly InstallLink[]): void {
    if (JSON.stringify(this.#links.get(unit) ?? []) === JSON.stringify(links)) return;
    this.#isReloadDue = true;
    if (links.length === 0) this.#links.delete(unit);
    else this.#links.set(unit, links);
  }

  /** The unit that has this other name; null: none. */
  unitOf(alias: string): string | null {
    for (const [unit, links] of this.#links) {
      if (links.some((link) => link.alias === alias)) return unit;
    }
    return null;
  }

  /** Units that are linked into a directory of this one: `wants` or `requires`. */
  linkedTo(name: string, kind: 'wants' | 'requires'): string[] {
    return [...this.#links].flatMap(([unit, links]) =>
      links.some((link) => link.path === `${name}.${kind}/${unit}`) ? [unit] : [],
    );
  }
}
