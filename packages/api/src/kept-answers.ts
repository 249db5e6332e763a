import type { ClusterSnapshot } from '@muster/core';

/** What was answered from one picture of the cluster; gone when the picture is. */
interface Kept {
  readonly revision: number;
  /** By what was asked for. */
  readonly answers: Map<string, Buffer>;
}

/**
 * Keeps answers that follow from a picture of the cluster alone until there is a newer one: who shows a
 * list asks for it again and again, and 20,000 rows take a tenth of a second each time.
 */
export class KeptAnswers {
  // The maps of a picture are the same ones as long as it is kept up to date.
  readonly #kept = new WeakMap<ClusterSnapshot['units'], Kept>();

  /** @param render - what the answer says, which is written as JSON; always the same for the same `what` */
  of(snapshot: ClusterSnapshot, what: string, render: (of: ClusterSnapshot) => unknown): Buffer {
    const { units, revision } = snapshot;
    let kept = this.#kept.get(units);
    if (kept?.revision !== revision) {
      kept = { revision, answers: new Map() };
      this.#kept.set(units, kept);
    }
    const known = kept.answers.get(what);
    if (known !== undefined) return known;
    const answer = toJson(render(snapshot));
    kept.answers.set(what, answer);
    return answer;
  }
}

/** A body as it goes out. */
export function toJson(body: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(body)}\n`);
}
