import { keyOf } from '@muster/registry';
import type { KeyEvent } from '@muster/registry';
import type { Repertoire, Spec } from './specs.ts';

/** An assignment as the store has it. */
export interface Given {
  readonly hash: string;
  readonly desiredState: string;
  readonly restarts: number;
  readonly starts: number;
  readonly incarnation: number;
  readonly role: string;
  /** It has to end there before it is taken away. */
  readonly isLeaving: boolean;
  readonly revision: number;
  /** When the machine got it. */
  readonly madeAt: number;
  /** When it was made, or became a holder's. */
  readonly heldSince: number;
  /** When it last asked for something else than before. */
  readonly changedAt: number;
  /** When it last asked for a restart, or was made for another unit of that name. */
  readonly renewedAt: number;
  /** What it had as content, and since when, oldest first. */
  readonly contents: readonly { readonly hash: string; readonly since: number }[];
}

export interface Wish {
  readonly hash: string;
  readonly desiredState: string;
  readonly revision: number;
}

interface Changes {
  readonly now: () => number;
  readonly repertoire: Repertoire;
  readonly prefix: string;
}

/**
 * What is in the store, read without muster's help, and when it came there. Times are virtual ms.
 */
export class World {
  readonly #options: Changes;
  readonly #specOf = new Map<string, Spec>();
  readonly #groupOf = new Map<string, string>();
  readonly wishes = new Map<string, Wish>();
  /** `machine/unit` → what is given to that machine. */
  readonly given = new Map<string, Given>();
  /** `machine/unit` → what was given last, also when it has been taken away. */
  readonly #givenLast = new Map<string, Given>();
  /** `machine/unit` → when it was last taken away. */
  readonly takenAt = new Map<string, number>();
  readonly states = new Map<string, Readonly<Record<string, unknown>>>();
  readonly placements = new Set<string>();
  /** Machine → when its presence vanished; null: it is there; missing: it never was. */
  readonly goneSince = new Map<string, number | null>();
  /** Machine → when it last registered, or said anything anew of itself. */
  readonly registeredAt = new Map<string, number>();
  readonly settings = new Map<string, Readonly<Record<string, string | null>>>();
  readonly parked = new Set<string>();
  /** The process that leads, as it is connected to the store; null: nobody. */
  leader: string | null = null;
  /** Group, or machine for its settings → when a client last changed something. */
  readonly #askedAt = new Map<string, number>();
  readonly #listeners = new Set<(paths: readonly string[]) => void>();

  constructor(options: Changes) {
    this.#options = options;
    for (const { name, units } of options.repertoire.groups) {
      for (const unit of units) this.#groupOf.set(unit, name);
    }
    for (const specs of options.repertoire.specs.values()) {
      for (const spec of specs) this.#specOf.set(`${spec.unit} ${spec.hash}`, spec);
    }
  }

  groupOf(unit: string): string {
    return this.#groupOf.get(unit) ?? unit;
  }

  specOf(unit: string, hash: string): Spec | null {
    return this.#specOf.get(`${unit} ${hash}`) ?? null;
  }

  /** Whether it is meant to run on several machines. */
  isGlobal(unit: string): boolean {
    return this.#options.repertoire.specs.get(unit)?.[0]?.isGlobal === true;
  }

  /** Whether it must never run twice. */
  isBound(unit: string): boolean {
    return this.#options.repertoire.specs.get(unit)?.[0]?.isBound === true;
  }

  /** Whether it may be started because it is down. */
  mayBeHealed(unit: string): boolean {
    const specs = this.#options.repertoire.specs.get(unit) ?? [];
    return specs.some(({ kind }) => kind === 'always');
  }

  /** The content that is wished for now; null: the unit does not exist. */
  wished(unit: string): Spec | null {
    const wish = this.wishes.get(unit);
    return wish === undefined ? null : this.specOf(unit, wish.hash);
  }

  /**
   * When a client last changed something that may make this unit leave its place; -Infinity: never,
   * or nothing can.
   */
  lastAskedAround(unit: string): number {
    const specs = this.#options.repertoire.specs.get(unit) ?? [];
    const group = this.groupOf(unit);
    const isAlone = [...this.#groupOf.values()].filter((name) => name === group).length === 1;
    return Math.max(
      isAlone ? -Infinity : (this.#askedAt.get(group) ?? -Infinity),
      specs.some(({ metadata }) => metadata !== null)
        ? (this.#askedAt.get('settings') ?? -Infinity)
        : -Infinity,
    );
  }

  /** Keys of one transaction that must not change while nothing happens. */
  changedAtRest(keys: readonly string[]): readonly string[] {
    const changed = keys.filter((key) => !this.#mayChangeAtRest(key));
    // What orders the writes of states changes with each of them, and not by itself.
    const isOfStates =
      keys.length > 1 && changed.every((key) => this.#path(key).startsWith('told/'));
    return isOfStates ? [] : changed;
  }

  /**
   * Unit files that nothing refers to are removed in their own time, and a unit that was restarted
   * again and again stops being one that is.
   */
  #mayChangeAtRest(key: string): boolean {
    const path = this.#path(key);
    if (path.startsWith('file/')) return true;
    return path.startsWith('state/') && this.states.get(path.slice(6))?.['flapping'] !== undefined;
  }

  #path(key: string): string {
    return key.slice(this.#options.prefix.length);
  }

  /** Machines that hold the unit, with role; sorted. */
  placesOf(unit: string): { machine: string; given: Given }[] {
    return [...this.given]
      .flatMap(([key, given]) => {
        const { machine, name } = split(key);
        return name === unit ? [{ machine, given }] : [];
      })
      .sort((a, b) => (a.machine < b.machine ? -1 : 1));
  }

  /** Tells the paths that a transaction changes, after it was taken over. @returns ends that */
  onChange(listener: (paths: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over one transaction. @returns what it did to assignments */
  commit(events: readonly KeyEvent[], by: string | null): AssignmentChange[] {
    const changes = this.#takeOver(events, by);
    const paths = events.map((event) => keyOf(event).slice(this.#options.prefix.length));
    for (const listener of Array.from(this.#listeners)) listener(paths);
    return changes;
  }

  #takeOver(events: readonly KeyEvent[], by: string | null): AssignmentChange[] {
    const changes: AssignmentChange[] = [];
    for (const event of events) {
      const key = keyOf(event);
      if (!key.startsWith(this.#options.prefix)) continue;
      const [kind = '', ...rest] = key.slice(this.#options.prefix.length).split('/');
      const name = rest.join('/');
      if (kind === 'file' || kind === 'audit') continue;
      const value = event.type === 'put' ? readRecord(event.stored.value) : null;
      const revision = event.type === 'put' ? event.stored.modRevision : event.modRevision;
      if (kind === 'assignment') changes.push(this.#assign(name, value, revision));
      else this.#note(kind, name, { value, revision, by });
    }
    return changes;
  }

  #note(
    kind: string,
    name: string,
    { value, revision, by }: { value: Fields | null; revision: number; by: string | null },
  ): void {
    const now = this.#options.now();
    switch (kind) {
      case 'unit':
        this.#askedAt.set(this.groupOf(name), now);
        if (value === null) this.wishes.delete(name);
        else {
          this.wishes.set(name, {
            hash: String(value['hash']),
            desiredState: String(value['desiredState']),
            revision,
          });
        }
        break;
      case 'machine':
        this.goneSince.set(name, value === null ? now : null);
        if (value !== null) this.registeredAt.set(name, now);
        if (value?.['awaySince'] == null) this.parked.delete(name);
        else this.parked.add(name);
        break;
      case 'machine-settings':
        this.#askedAt.set('settings', now);
        this.settings.set(name, (value?.['metadata'] ?? {}) as Record<string, string | null>);
        break;
      case 'state':
        if (value === null) this.states.delete(name);
        else this.states.set(name, value);
        break;
      case 'placement':
        if (value === null) this.placements.delete(name);
        else this.placements.add(name);
        break;
      case 'leader':
        this.leader = value === null ? null : by;
        break;
    }
  }

  #assign(key: string, value: Fields | null, revision: number): AssignmentChange {
    const { machine, name } = split(key);
    const now = this.#options.now();
    const before = this.given.get(key) ?? null;
    if (value === null) {
      this.given.delete(key);
      this.takenAt.set(key, now);
      return { machine, unit: name, before, after: null };
    }
    const asked = {
      hash: String(value['hash']),
      desiredState: String(value['desiredState']),
      restarts: Number(value['restarts'] ?? 0),
      starts: Number(value['starts'] ?? 0),
      incarnation: Number(value['incarnation']),
      isLeaving: value['isLeaving'] === true,
    };
    const role = String(value['role']);
    const isSame =
      before !== null &&
      (Object.keys(asked) as (keyof typeof asked)[]).every((k) => before[k] === asked[k]);
    const last = this.#givenLast.get(key);
    const isRenewed =
      last === undefined ||
      last.restarts !== asked.restarts ||
      last.incarnation !== asked.incarnation;
    const after: Given = {
      ...asked,
      role,
      revision,
      madeAt: before?.madeAt ?? now,
      heldSince: before !== null && before.role === role ? before.heldSince : now,
      changedAt: isSame ? before.changedAt : now,
      renewedAt: isRenewed ? now : last.renewedAt,
      contents: [
        ...(last?.contents ?? []),
        ...(last?.hash === asked.hash ? [] : [{ hash: asked.hash, since: now }]),
      ],
    };
    this.#givenLast.set(key, after);
    this.given.set(key, after);
    return { machine, unit: name, before, after };
  }
}

export interface AssignmentChange {
  readonly machine: string;
  readonly unit: string;
  readonly before: Given | null;
  readonly after: Given | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** `machine/unit` */
export function split(key: string): { machine: string; name: string } {
  const slash = key.indexOf('/');
  return { machine: key.slice(0, slash), name: key.slice(slash + 1) };
}

function readRecord(value: string): Fields {
  const record: unknown = JSON.parse(value);
  if (typeof record !== 'object' || record === null) throw new Error(`not a record: ${value}`);
  return { ...record };
}
