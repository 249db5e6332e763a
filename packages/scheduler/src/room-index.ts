import type { Candidate, Host } from './eligibility.ts';
import { hasTooLittle } from './resources.ts';

type Reasons = readonly { readonly machine: string; readonly reason: string }[];

/** What is known of units that take the same and ask the same of the machine itself. */
interface Kind {
  /** By rank: `freed` of the host when it had too little; 0: it is not known to have too little. */
  readonly refusedAt: Uint32Array;
  /** `timesFreed` when all hosts that they may be on had too little; -1: that is not known. */
  fullAt: number;
  /** Why the first `most` of all open hosts do not take them, at `timesChanged`. */
  said: { readonly most: number; readonly at: number; readonly reasons: Reasons } | null;
}

/** More kinds are not remembered: each costs four bytes for each machine. */
const mostKinds = 1024;

/**
 * Which open hosts have too little for a unit: of units that take the same each host is asked once,
 * and again when something was freed there. In a full cluster most units that wait take the same.
 */
export class RoomIndex {
  /** By rank: one more than how often something was freed there. */
  #freed = new Uint32Array(0);
  /** On all of them together. */
  #timesFreed = 0;
  #timesChanged = 0;
  readonly #kinds = new Map<string, Kind>();

  /** To be told whenever one of them or its capacity has changed. */
  setOpen(open: readonly Host[]): void {
    this.#freed = Uint32Array.from(open, ({ ledger }) => ledger.timesFreed + 1);
    this.#kinds.clear();
  }

  /** What units take of an open host has changed. */
  changed({ rank, ledger }: Host): void {
    const freed = ledger.timesFreed + 1;
    this.#timesChanged += 1;
    if (this.#freed[rank] === freed) return;
    this.#freed[rank] = freed;
    this.#timesFreed += 1;
  }

  /** Where there is too little for a unit; null: it takes nothing, or others make room for it. */
  crowdFor({ claim, requirements: { resources }, replaces }: Candidate): Crowd | null {
    if (claim === null || resources === null || replaces.length > 0) return null;
    const kind = this.#kindOf(claim);
    const timesFreed = this.#timesFreed;
    return {
      isEverywhere: kind.fullAt === timesFreed,
      isKnown: ({ rank }) => kind.refusedAt[rank] === this.#freed[rank],
      find: ({ rank, ledger }) => {
        if (!hasTooLittle(ledger, resources)) return false;
        kind.refusedAt[rank] = this.#freed[rank] ?? 0;
        return true;
      },
      setEverywhere: () => {
        kind.fullAt = timesFreed;
      },
      reasons: (most, ask) => {
        const { said } = kind;
        if (said?.most === most && said.at === this.#timesChanged) return said.reasons;
        const reasons = ask();
        kind.said = { most, at: this.#timesChanged, reasons };
        return reasons;
      },
    };
  }

  #kindOf(claim: string): Kind {
    const known = this.#kinds.get(claim);
    if (known !== undefined) return known;
    if (this.#kinds.size >= mostKinds) this.#kinds.clear();
    const kind = { refusedAt: new Uint32Array(this.#freed.length), fullAt: -1, said: null };
    this.#kinds.set(claim, kind);
    return kind;
  }
}

/** Hosts that have too little for a unit that takes nothing there yet. */
export interface Crowd {
  /** Whether all have that may be asked at all. */
  readonly isEverywhere: boolean;
  /** Whether a host is known to have too little. */
  readonly isKnown: (host: Host) => boolean;
  /** Asks a host. */
  readonly find: (host: Host) => boolean;
  /** All that may be asked had too little when this was made. */
  readonly setEverywhere: () => void;
  /** Why the first `most` of all open hosts do not take such a unit. @param ask - is asked once */
  readonly reasons: (most: number, ask: () => Reasons) => Reasons;
}
