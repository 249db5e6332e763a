import { linkSignals, ReconcileLoop } from '@muster/core';
import type {
  Campaign,
  Clock,
  ClusterView,
  CommitResult,
  Leadership,
  Log,
  Loss,
  MachineLeases,
  PassEnd,
  PlacementChange,
  Revision,
  StoreContact,
} from '@muster/core';
import { Alarm } from './alarm.ts';
import { brakeRecord, endedLosses, forgottenMachines } from './brake.ts';
import { Housekeeping } from './housekeeping.ts';
import { absenceMarginMs, Lookout } from './lookout.ts';
import type { Outlook } from './lookout.ts';
import type { PlanOptions } from './draft.ts';
import type { CandidateCache, Model } from './model.ts';
import { OwnWrites } from './own-writes.ts';
import type { Plan } from './plan.ts';
import { PlanCheck } from './plan-check.ts';
import { PlanReport } from './plan-report.ts';
import { Planner } from './planner.ts';
import { keepRebalance } from './keep-rebalance.ts';
import { logChanges } from './log-changes.ts';
import { Rebalancer } from './rebalancer.ts';
import type { RebalanceStep } from './rebalancer.ts';
import { catchUpMs } from './until-seen.ts';

export interface SchedulerOptions {
  readonly campaign: Campaign;
  /** Opens the picture of the cluster; it is closed when leadership ends. */
  readonly openView: () => Promise<ClusterView>;
  readonly contact: StoreContact;
  /** For telling, when a machine has vanished, whether others are about to. */
  readonly leases: MachineLeases;
  readonly clock: Clock;
  readonly log: Log;
  /** ttl of machine leases, for telling an absent machine from an outage of one's own. */
  readonly machineTtlMs: number;
  /** How long etcd keeps old revisions; null: compaction is somebody else's business. */
  readonly compactMs: number | null;
  /**
   * How often a plan is compared with one that thinks of every unit anew, in ms; default: every five
   * minutes. More seldom where that takes long.
   */
  readonly checkMs?: number;
  readonly observer?: SchedulerObserver;
}

export interface PlanCounts {
  readonly units: number;
  readonly machines: number;
  readonly unplaced: number;
  /** Machines that have assignments and no presence. */
  readonly absent: number;
  /** Whether units of absent machines are held back. */
  readonly isBraked: boolean;
}

/** Told what the scheduler does, for counting. Must not throw. */
export interface SchedulerObserver {
  readonly passed: (pass: PassEnd) => void;
  /** Leadership was won, or is over. */
  readonly leads: (isLeading: boolean) => void;
  /** What the last pass saw, and how many units it could place nowhere. */
  readonly planned: (counts: PlanCounts) => void;
  readonly committed: (results: readonly CommitResult[]) => void;
  /** A plan was compared with one that thinks of every unit anew. What differs is a defect. */
  readonly checked: (result: 'same' | 'different') => void;
}

const resyncMs = 30_000;
const minRestMs = 5;
const maxRestMs = 200;
const againMs = 500;
/** Of each unit that cannot be placed it is said why so many machines do not take it. */
const mostReasons = 10;
/** What one pass came to. */
interface Decided {
  readonly plan: Plan;
  /** Of what it was decided from. */
  readonly revision: Revision;
  /** What the record of the brake is to say, if it does not. */
  readonly record: ReturnType<typeof brakeRecord>;
  readonly recordRevision: Revision;
  readonly endedLosses: readonly Loss[];
  readonly rebalance: RebalanceStep;
  readonly rebalanceRevision: Revision;
}

/**
 * Places units while this daemon leads. Who decides: Planner, from one snapshot. Who acts:
 * commit, fenced with the leadership, so that a scheduler that lost it unknowingly writes nothing.
 * Run twice on the same snapshot it writes nothing the second time; without a snapshot there is no
 * plan.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #candidates: CandidateCache = new Map();
  readonly #report: PlanReport;
  /** Of the plan before, while this daemon leads: see PlanOptions. */
  #underway: Plan['underway'] = new Map();
  /** Of units that failed or came up, by this leader. */
  #sightings: Plan['sightings'] = new Map();
  /** Of moves whose units are up, by this leader. */
  #arrivals: Plan['arrivals'] = new Map();
  /** Unit → how many passes in a row what they decided of it was refused. */
  #refusals: ReadonlyMap<string, number> = new Map();
  #compactMs: number | null;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#report = new PlanReport(options.log);
    this.#compactMs = options.compactMs;
  }

  /** How long etcd keeps old revisions, from now on; null as in the options. */
  setCompaction(ms: number | null): void {
    this.#compactMs = ms;
  }

  /** Campaigns, leads, and campaigns again; resolves after the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { campaign, log, observer } = this.#options;
    while (!signal.aborted) {
      const leadership = await campaign.lead(signal);
      if (leadership === null) return;
      log.info({ fence: leadership.fence }, 'leading: placing units');
      observer?.leads(true);
      const ending = linkSignals([signal, leadership.signal]);
      await this.#lead(leadership, ending.signal);
      ending.unlink();
      observer?.leads(false);
      log.info({ fence: leadership.fence }, 'no longer leading');
    }
  }

  async #lead(leadership: Leadership, signal: AbortSignal): Promise<void> {
    const { clock, log, openView, observer } = this.#options;
    const view = await this.#open(openView, signal);
    const isCurrent = view !== null && (await this.#catchUp(view, leadership.fence, signal));
    // Another leader may have placed them meanwhile, and machines may have come and gone.
    this.#underway = new Map();
    this.#sightings = new Map();
    this.#arrivals = new Map();
    this.#refusals = new Map();
    const lookout = new Lookout(this.#options);
    const rebalancer = new Rebalancer();
    const check = new PlanCheck(this.#options);
    if (isCurrent) {
      const planner = new Planner(view, this.#candidates);
      const own = new OwnWrites(view, clock);
      const loop = new ReconcileLoop({
        clock,
        pass: (s) =>
          this.#pass({
            view,
            planner,
            own,
            check,
            lookout,
            rebalancer,
            leadership,
            signal: s,
            again: () => loop.kick(),
            alarm,
          }),
        resyncMs,
        restMs: (passMs) => Math.min(maxRestMs, Math.max(minRestMs, 4 * passMs)),
        maxBackoffMs: 2_000,
        onFailure: (err, failures) =>
          log.warn({ err, failures }, 'placing units failed, will try again'),
        ...(observer === undefined ? {} : { onPass: observer.passed }),
      });
      const alarm = new Alarm(clock, () => loop.kick(), signal);
      const unsubscribe = view.onChange(() => loop.kick());
      const compactMs = (): number | null => this.#compactMs;
      const housekeeping = new Housekeeping({ view, leadership, clock, log, compactMs });
      await Promise.all([loop.run(signal), housekeeping.run(signal)]);
      unsubscribe();
    }
    await view?.close();
    if (!leadership.signal.aborted) {
      await leadership
        .resign()
        .catch((err: unknown) => log.warn({ err }, 'could not resign; the lease ends by itself'));
    }
  }

  /** null: the signal aborted first. */
  async #open(
    openView: () => Promise<ClusterView>,
    signal: AbortSignal,
  ): Promise<ClusterView | null> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        return await openView();
      } catch (err) {
        log.warn({ err }, 'cannot read the cluster, will try again');
        await clock.sleep(againMs, signal);
      }
    }
    return null;
  }

  /**
   * Waits until the picture shows all that earlier leaders wrote. What they gave away of a machine, and
   * it does not show, nothing else would refuse to give away twice. @returns false: the signal aborted first
   */
  async #catchUp(view: ClusterView, fence: Revision, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    let isSaid = false;
    while (!signal.aborted) {
      try {
        await view.atLeast(fence, catchUpMs);
        return !signal.aborted;
      } catch (err) {
        const message =
          'the picture is older than this leadership: nothing is placed until it is not';
        if (!isSaid) log.warn({ err, fence }, message);
        isSaid = true;
        await clock.sleep(againMs, signal);
      }
    }
    return false;
  }

  async #pass({
    view,
    planner,
    own,
    check,
    lookout,
    rebalancer,
    leadership,
    signal,
    again,
    alarm,
  }: {
    view: ClusterView;
    planner: Planner;
    own: OwnWrites;
    check: PlanCheck;
    lookout: Lookout;
    rebalancer: Rebalancer;
    leadership: Leadership;
    signal: AbortSignal;
    again: () => void;
    alarm: Alarm;
  }): Promise<void> {
    const { observer } = this.#options;
    await own.seen(signal);
    if (signal.aborted) return;
    const { plan, revision, ...rest } = await lookout.look(
      () => planner.read(),
      (outlook) =>
        this.#decide(outlook, rebalancer, (model, options) =>
          check.checked(planner, { model, options }),
        ),
    );
    alarm.set(plan.lookAgainAt);
    this.#report.say(plan);
    if (signal.aborted) return;
    await this.#settleLosses(leadership, rest);
    // What is decided of its moves holds only with the record that says so.
    if (!(await keepRebalance(this.#options, { view, leadership, signal }, rest))) return again();
    if (plan.changes.length === 0 || signal.aborted) return;
    own.begin();
    const results = await leadership.commit(plan.changes);
    observer?.committed(results);
    const committed = plan.changes.filter((_, i) => results[i] === 'committed');
    own.end(committed);
    logChanges(this.#options.log, committed);
    const refused = plan.changes.filter((_, i) => results[i] === 'conflict');
    if (refused.length > 0) again();
    await own.seen(signal);
    await this.#learn(view, refused, revision);
  }

  /** The picture did not show what made etcd refuse changes: it has to before the next plan. */
  async #learn(
    view: ClusterView,
    refused: readonly PlacementChange[],
    revision: Revision,
  ): Promise<void> {
    const before = this.#refusals;
    this.#refusals = new Map(refused.map(({ unit }) => [unit, (before.get(unit) ?? 0) + 1]));
    const inARow = [...this.#refusals.values()].reduce((a, b) => Math.max(a, b), 0);
    if (inARow === 1) await view.atLeast(revision + 1, catchUpMs);
    if (inARow > 1) await view.refresh(catchUpMs);
    if (inARow > 2) {
      const units = [...this.#refusals.keys()].join(', ');
      throw new Error(`etcd refuses what is decided of ${units} although it was read anew`);
    }
  }

  #decide(
    outlook: Outlook,
    rebalancer: Rebalancer,
    planOf: (model: Model, options: PlanOptions) => Plan,
  ): Decided {
    const { model, now, absentSince, brake, lookAgainAt } = outlook;
    const { snapshot } = model;
    const forgotten = forgottenMachines(model);
    const plan = planOf(model, {
      now,
      absentSince,
      certainAfterMs: this.#options.machineTtlMs + absenceMarginMs,
      forgotten,
      underway: this.#underway,
      sightings: this.#sightings,
      arrivals: this.#arrivals,
      mostReasons,
    });
    this.#underway = plan.underway;
    this.#sightings = plan.sightings;
    this.#arrivals = plan.arrivals;
    this.#options.observer?.planned({
      units: snapshot.units.size,
      machines: snapshot.machines.size,
      unplaced: plan.unplaced.length,
      absent: model.absent.size,
      isBraked: brake !== null && brake.decision !== 'off',
    });
    const rebalance = rebalancer.step(model, plan, { now, at: this.#options.clock.now() });
    const times = [plan.lookAgainAt, lookAgainAt, rebalance.lookAgainAt].filter(
      (time) => time !== null,
    );
    return {
      plan: { ...plan, lookAgainAt: times.length === 0 ? null : Math.min(...times) },
      revision: snapshot.revision,
      record: brake === null ? null : brakeRecord(snapshot, brake.decision, brake.sight),
      recordRevision: snapshot.brake?.modRevision ?? 0,
      endedLosses: endedLosses(model),
      rebalance: rebalance.step,
      rebalanceRevision: snapshot.rebalance?.modRevision ?? 0,
    };
  }

  /** Says what became of the brake, and ends losses that are over. */
  async #settleLosses(
    leadership: Leadership,
    { record, recordRevision, endedLosses: ended }: Omit<Decided, 'plan' | 'revision'>,
  ): Promise<void> {
    const { clock, log } = this.#options;
    if (record !== null) {
      const result = await leadership.writeBrake({ ...record, at: clock.now() }, recordRevision);
      const message = record.isOn
        ? 'the brake is on: units of absent machines stay where they are'
        : 'the brake is off';
      if (result === 'committed') log.warn({ ...record }, message);
    }
    if (ended.length > 0) await leadership.endLosses(ended);
  }
}
