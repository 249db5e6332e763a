/**
 * Keeps answers that follow from a picture of the cluster alone until there is another one: who shows a
 * list asks for it again and again, and 20,000 rows take a tenth of a second each time.
 */
export class KeptAnswers<Picture extends object> {
  readonly #kept = new WeakMap<Picture, Map<unknown, Buffer>>();

  /**
   * @param picture - another object when anything in it has changed, as ClusterView has it
   * @param render - what the answer says, which is written as JSON; the same function for the same question
   */
  of(picture: Picture, render: (of: Picture) => unknown): Buffer {
    const answers = this.#kept.get(picture) ?? new Map<unknown, Buffer>();
    this.#kept.set(picture, answers);
    const answer = answers.get(render) ?? toJson(render(picture));
    answers.set(render, answer);
    return answer;
  }
}

/** A body as it goes out. */
export function toJson(body: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(body)}\n`);
}
