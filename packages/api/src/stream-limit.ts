import { HttpError } from './http-error.ts';

/** How many streams of a kind this daemon serves at once: each takes something of its machine. */
export class StreamLimit {
  readonly #max: number;
  readonly #what: string;
  #open = 0;

  /** @param what - in the plural, for the message */
  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  /** Runs one stream to its end. @throws {HttpError} 503 when there are too many already */
  async run(stream: () => Promise<void>): Promise<void> {
    if (this.#open >= this.#max) {
      const message = `this musterd serves ${this.#max} ${this.#what} already; ask another one, or later`;
      throw new HttpError(503, 'too-many-streams', message);
    }
    this.#open += 1;
    try {
      await stream();
    } finally {
      this.#open -= 1;
    }
  }
}
