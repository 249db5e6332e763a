/**
 * Requests to reload, which can come at any time: before there is anybody to serve them, and while
 * one is being served. They are served one after the other; those that come meanwhile are one.
 */
export class ReloadRequests {
  #isAsked = false;
  #serve: (() => Promise<void>) | null = null;
  #serving: Promise<void> = Promise.resolve();
  #isServing = false;

  /** Asks for a reload that sees everything there is by now. */
  request(): void {
    this.#isAsked = true;
    if (this.#isServing || this.#serve === null) return;
    this.#isServing = true;
    this.#serving = this.#run();
  }

  /** From now on requests are served, also one that came before. @param reload - must not reject */
  serveWith(reload: () => Promise<void>): void {
    this.#serve = reload;
    if (this.#isAsked) this.request();
  }

  /** Serves no further request; resolves when the one under way is done. */
  async end(): Promise<void> {
    this.#serve = null;
    await this.#serving;
  }

  async #run(): Promise<void> {
    while (this.#isAsked && this.#serve !== null) {
      this.#isAsked = false;
      await this.#serve();
    }
    this.#isServing = false;
  }
}
