/** What has to be ended, the last one first; also when that is asked for while more is being begun. */
export class Endings {
  readonly #ends: (() => Promise<void> | void)[] = [];
  #isOver = false;

  /**
   * Something was begun.
   * @throws when all was ended meanwhile; this is then, too
   */
  async add(end: () => Promise<void> | void): Promise<void> {
    if (!this.#isOver) {
      this.#ends.push(end);
      return;
    }
    await end();
    throw new Error('it was ended while it was begun');
  }

  /** A second time: nothing. */
  async endAll(): Promise<void> {
    this.#isOver = true;
    for (const end of this.#ends.splice(0).toReversed()) await end();
  }
}
