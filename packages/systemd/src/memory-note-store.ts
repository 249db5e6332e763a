import type { NoteStore, UnitNote } from '@muster/core';

/** Notes that live as long as this object: like /run, it survives an agent but not a reboot. */
export class MemoryNoteStore implements NoteStore {
  readonly #bootId: string;
  readonly #notes = new Map<string, UnitNote>();

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  async load(): Promise<ReadonlyMap<string, UnitNote>> {
    return new Map([...this.#notes].filter(([, note]) => note.bootId === this.#bootId));
  }

  async save(note: UnitNote): Promise<void> {
    this.#notes.set(note.unit, note);
  }

  async remove(unit: string): Promise<void> {
    this.#notes.delete(unit);
  }
}
