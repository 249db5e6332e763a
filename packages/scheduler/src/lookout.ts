import type { Clock, Log, MachineLeases, StoreContact } from '@muster/core';
import { noteAbsences } from './absence.ts';
import type { Absences } from './absence.ts';
import { decideBrake, easeOff, isOverdue, mustAsk, seeLosses } from './brake.ts';
import type { BrakeDecision, BrakeSight, Easing } from './brake.ts';
import type { Model } from './model.ts';

export interface LookoutOptions {
  readonly contact: StoreContact;
  readonly leases: MachineLeases;
  readonly clock: Clock;
  readonly log: Log;
  /** ttl of machine leases, for telling an absent machine from an outage of one's own. */
  readonly machineTtlMs: number;
}

/** Beyond a ttl: what a renewal that was just sent, and etcd's own clock, may be late. */
export const absenceMarginMs = 2_000;
/** How often leases that are overdue are looked at, until they are renewed or have ended. */
const askAgainMs = 500;

/** Who is there, as far as this leader can tell now. */
export interface Outlook {
  readonly model: Model;
  /** Boot-clock ms. */
  readonly now: number;
  /** Machines whose units may be moved. */
  readonly absentSince: Absences;
  /** null: contact with the store is too young to tell. */
  readonly brake: { readonly decision: BrakeDecision; readonly sight: BrakeSight } | null;
  /** Boot-clock ms at which to look again though nothing in the store may have changed; null: never. */
  readonly lookAgainAt: number | null;
}

interface Look extends Omit<Outlook, 'brake'> {
  readonly sight: BrakeSight;
  readonly isMature: boolean;
}

/** What one leader remembers of machines that are not there. Another one begins anew. */
export class Lookout {
  readonly #options: LookoutOptions;
  #absentSince: Absences = new Map();
  /** Absent machines of which is known that no others vanished with them. */
  #cleared: ReadonlySet<string> = new Set();
  /** null: the brake is off, or there is no thought of that. */
  #easing: Easing | null = null;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /**
   * One look. When a machine has vanished, the store is asked whether others are about to.
   * @param read - the cluster as it is now
   * @param decide - called before anything that was read can change
   */
  async look<T>(read: () => Model, decide: (outlook: Outlook) => T): Promise<T> {
    const first = this.#see(read());
    if (!mustAsk(first.sight, this.#cleared)) return decide(this.#judge(first, new Set()));
    const suspects = await this.#askAfter(first.sight.others);
    const second = this.#see(read());
    // Whoever vanished meanwhile may not be alone either.
    const isNew = [...second.sight.lost].some((machine) => !first.sight.lost.has(machine));
    return decide(this.#judge(second, isNew ? null : suspects));
  }

  #see(model: Model): Look {
    const { clock, contact, machineTtlMs } = this.#options;
    const { absent } = model;
    const now = clock.monotonic();
    const contactSince = contact.unbrokenSince();
    const matureMs = machineTtlMs + absenceMarginMs;
    const absentSince = noteAbsences(this.#absentSince, { absent, now, contactSince, matureMs });
    this.#absentSince = absentSince;
    const isMature = absentSince.size === absent.size;
    // Nothing in the store changes when contact becomes old enough: the clock has to say it.
    const lookAgainAt = isMature ? null : (contactSince ?? now) + matureMs;
    return { model, now, absentSince, isMature, lookAgainAt, sight: seeLosses(model, absentSince) };
  }

  #judge({ sight, isMature, ...look }: Look, suspects: ReadonlySet<string> | null): Outlook {
    if (!isMature) return { ...look, brake: null };
    const decision = this.#ease(look, sight, decideBrake(sight, suspects));
    this.#cleared = decision === 'off' ? sight.lost : new Set();
    return {
      ...look,
      absentSince: decision === 'off' ? look.absentSince : without(look.absentSince, sight.lost),
      brake: { decision, sight },
      lookAgainAt: decision === 'waits' ? look.now + askAgainMs : null,
    };
  }

  #ease(
    { model, now }: Pick<Look, 'model' | 'now'>,
    { lost }: BrakeSight,
    decision: BrakeDecision,
  ): BrakeDecision {
    const isOn = model.snapshot.brake?.isOn === true;
    const graceMs = this.#options.machineTtlMs + absenceMarginMs;
    const easing =
      decision === 'off' && isOn ? easeOff(this.#easing, { lost, now, graceMs }) : null;
    this.#easing = easing;
    return easing?.isOver === false ? 'waits' : decision;
  }

  /** Which of these machines are overdue, or gone and not seen to be yet; null: not known. */
  async #askAfter(machines: readonly string[]): Promise<ReadonlySet<string> | null> {
    const { leases, log } = this.#options;
    try {
      const ages = await leases.ages(machines);
      const suspects = machines.filter((machine) => {
        const age = ages.get(machine);
        return age === undefined || isOverdue(age);
      });
      if (suspects.length > 0) {
        log.info({ machines: suspects }, 'a machine vanished, and these are overdue');
      }
      return new Set(suspects);
    } catch (err) {
      log.warn({ err }, 'cannot ask after leases of machines: no unit of absent ones is moved');
      return null;
    }
  }
}

function without(absentSince: Absences, held: ReadonlySet<string>): Absences {
  return new Map([...absentSince].filter(([machine]) => !held.has(machine)));
}
