import type { UnitNote } from '@muster/core';
import { isToRepeat } from './edge.ts';
import type { Edge } from './edge.ts';
import type { Invariant, Violation } from './invariants.ts';
import type { Trouble } from './trouble.ts';
import { split } from './world.ts';
import type { AssignmentChange, Given, World } from './world.ts';

export interface CheckerOptions {
  readonly now: () => number;
  readonly world: World;
  readonly trouble: Trouble;
}

/** How long a machine's trouble explains what is done about it: the leader may notice late. */
const noticeMs = 45_000;
/** How long after a client asked, or something ran elsewhere, the consequences may still come. */
const aftermathMs = 30_000;

/** A machine that is asked by nobody, and hears of nothing, follows what it knows for so long. */
const ignoranceMs = 20_000;

/** What was committed so shortly before was still on its way. */
const flightMs = 250;

/** Watches every step from outside: what ran where, and what was in the store at that time. */
export class Checker {
  readonly #options: CheckerOptions;
  readonly violations: Violation[] = [];
  checks = 0;
  starts = 0;
  moves = 0;
  /** Machine → unit → since when it is up. */
  readonly up = new Map<string, Map<string, number>>();
  /** `machine/unit` → systemd's word for how it is. */
  readonly #states = new Map<string, string>();
  /** `machine/unit` → when it was last up. */
  readonly #lastUp = new Map<string, number>();
  /** `machine/unit` that were given by a leader whose picture may have been old. */
  readonly #givenBlindly = new Set<string>();
  readonly #edges = new Map<string, Edge>();
  /** `machine/unit` → the newest assignment that was carried out in this boot. */
  readonly #answered = new Map<string, number>();
  /** Machine → when it last lost its power. */
  readonly #rebootedAt = new Map<string, number>();

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /** Since when a unit is up there; null: it is not. */
  upSince(machine: string, unit: string): number | null {
    return this.up.get(machine)?.get(unit) ?? null;
  }

  /** Machines on which a unit is up; sorted. */
  machinesOf(unit: string): string[] {
    return [...this.up].flatMap(([id, units]) => (units.has(unit) ? [id] : [])).sort();
  }

  /** Whether the unit ended there without having been asked to, in this boot, and was not started since. */
  isDownByItself(machine: string, unit: string): boolean {
    return this.#edges.get(`${machine}/${unit}`)?.isDownByItself === true;
  }

  /** How often a start was asked for there in this boot. */
  wasStarted(machine: string, unit: string): boolean {
    const edge = this.#edges.get(`${machine}/${unit}`);
    return edge !== undefined && edge.job !== 'stop';
  }

  isActive(machine: string, unit: string): boolean {
    return this.#states.get(`${machine}/${unit}`) === 'active';
  }

  /** Whether it is up there, or has run to its end and not failed. */
  isReady(machine: string, unit: string): boolean {
    const state = this.#states.get(`${machine}/${unit}`);
    return state === 'active' || state === 'inactive';
  }

  state(machine: string, unit: string, activeState: string): void {
    const { now } = this.#options;
    const units = this.up.get(machine) ?? new Map<string, number>();
    this.up.set(machine, units);
    const key = `${machine}/${unit}`;
    this.#states.set(key, activeState);
    const isUp = activeState !== 'inactive' && activeState !== 'failed';
    if (isUp === units.has(unit)) return;
    if (!isUp) {
      units.delete(unit);
      this.#lastUp.set(key, now());
      const edge = this.#edges.get(key);
      if (edge !== undefined && edge.job !== 'stop') edge.isDownByItself = true;
      return;
    }
    units.set(unit, now());
    this.starts += 1;
    const edge = this.#edges.get(key);
    if (edge !== undefined) {
      edge.isDownByItself = false;
      edge.hasRun = true;
    }
    this.#checkCopies(machine, unit);
  }

  asked(machine: string, unit: string, job: string): void {
    const key = `${machine}/${unit}`;
    const since = this.up.get(machine)?.get(unit);
    const before = this.#edges.get(key);
    if (job !== 'start' && since !== undefined) this.#checkStop(machine, unit, { job, since });
    if (job !== 'stop') this.#checkAssigned(machine, unit, before);
    if (job !== 'stop' && before !== undefined) this.#checkStart(machine, unit, before);
    this.#edges.set(key, {
      job,
      at: this.#options.now(),
      isNoted: false,
      hasRun: since !== undefined,
      isDownByItself: false,
      isTroubled: this.#options.trouble.isIn(machine),
      isBehind: this.#isBehind(machine, unit) && !this.#isFirst(key),
    });
  }

  noted(machine: string, { unit, answers, pending, bootId }: UnitNote): void {
    const key = `${machine}/${unit}`;
    const edge = this.#edges.get(key);
    if (edge !== undefined && pending === null) edge.isNoted = true;
    if (answers === 0) return;
    const boot = `${bootId}/${unit}`;
    const newest = this.#answered.get(boot) ?? 0;
    this.#check('I9', answers >= newest, [machine, unit], () => {
      return `${machine} noted for ${unit} that assignment ${answers} is carried out, after ${newest}`;
    });
    this.#answered.set(boot, Math.max(newest, answers));
  }

  /** A machine lost its power. */
  rebooted(machine: string): void {
    this.#rebootedAt.set(machine, this.#options.now());
    for (const key of this.#edges.keys()) {
      if (key.startsWith(`${machine}/`)) this.#edges.delete(key);
    }
  }

  /** A transaction was applied. `by`: the process that asked for it; null: a lease ended. */
  committed(changes: readonly AssignmentChange[], by: string | null): void {
    if (changes.length === 0) return;
    const { world } = this.#options;
    this.#check('I5', by !== null && world.leader === by, [by ?? '-'], () => {
      const leader = world.leader ?? 'nobody';
      return `${by ?? 'nobody'} changed assignments (${changes.map((c) => `${c.machine}/${c.unit}`).join(', ')}) while ${leader} led`;
    });
    for (const change of changes) {
      if (change.after === null) this.#checkTaken(change, changes);
      else if (change.after.role === 'holder') this.#checkGiven(change, change.after);
    }
  }

  /** A record ended with its lease: not the states of a machine whose musterd was stopped in order. */
  ended(path: string): void {
    const { world, trouble } = this.#options;
    const [kind, machine = '', unit = ''] = path.split('/');
    if (kind !== 'state' || !world.parked.has(machine)) return;
    // It may have been cut short.
    const wasCutShort = [machine, 'store', 'way'].some((at) =>
      trouble.hadWorseThanStop(at, noticeMs),
    );
    if (wasCutShort) return;
    this.#check('S1', world.goneSince.get(machine) !== null, [machine, unit], () => {
      return `the state of ${unit} on ${machine} ended, though ${machine} is away in order`;
    });
  }

  report(invariant: Invariant, about: readonly string[], seen: string): void {
    this.violations.push({ invariant, at: this.#options.now(), seen, about });
  }

  #check(invariant: Invariant, holds: boolean, about: readonly string[], seen: () => string): void {
    this.checks += 1;
    if (!holds) this.report(invariant, about, seen());
  }

  /** I1: at the moment of a start. */
  #checkCopies(machine: string, unit: string): void {
    const { world, now } = this.#options;
    if (world.isGlobal(unit)) return;
    const given = world.given.get(`${machine}/${unit}`);
    for (const other of this.machinesOf(unit)) {
      if (other === machine) continue;
      const theirs = world.given.get(`${other}/${unit}`);
      // One that was away itself may follow for a moment what it was told before.
      const isExplained =
        !world.isBound(unit) &&
        (this.#isBehind(machine, unit) ||
          this.#givenBlindly.has(`${machine}/${unit}`) ||
          (given !== undefined && this.#wasAway(other, given.heldSince)) ||
          (theirs !== undefined && this.#wasAway(machine, theirs.heldSince)));
      this.#check('I1', isExplained, [unit], () => {
        const since =
          given === undefined
            ? 'unassigned'
            : `${now() - given.heldSince} ms after it was assigned`;
        return `${unit} starts on ${machine} (${since}) while it is up on ${other}, which was not away when that was decided`;
      });
    }
  }

  /** Whether a machine was cut off or without musterd when something was decided. */
  #wasAway(machine: string, when: number): boolean {
    const { trouble, world } = this.#options;
    return trouble.lastIn(machine) >= when - noticeMs || world.parked.has(machine);
  }

  /** I2, the agent's part: a stop follows from what it was told to do. */
  #checkStop(machine: string, unit: string, { job, since }: { job: string; since: number }): void {
    const { world } = this.#options;
    const key = `${machine}/${unit}`;
    const given = world.given.get(key);
    const edge = this.#edges.get(key);
    const wasTaken = given === undefined || (world.takenAt.get(key) ?? -Infinity) >= since;
    const isChanged =
      given !== undefined && given.changedAt > since - (this.#isFirst(key) ? 0 : flightMs);
    // Asked for and not yet noted: after a crash in between it is asked for again.
    const isRepeated =
      edge !== undefined && isToRepeat(edge) && (edge.job === job || edge.isBehind);
    if (this.#lostLease(machine, unit)) return;
    this.#check('I2', wasTaken || isChanged || isRepeated, [unit], () => {
      return `${machine} was asked to ${job} ${unit}, which is up; its assignment stands and asks for nothing new`;
    });
  }

  /** Whether a unit that is bound to its machine's lease may have lost it, or got it back. */
  #lostLease(machine: string, unit: string): boolean {
    const { world, trouble } = this.#options;
    const isInTrouble = trouble.wasIn(machine, noticeMs) || trouble.wasIn('store', noticeMs);
    return world.isBound(unit) && isInTrouble;
  }

  /** Whether a machine may not know yet what it was asked for last: it was in trouble since. */
  #isBehind(machine: string, unit: string): boolean {
    const { world, trouble } = this.#options;
    const key = `${machine}/${unit}`;
    const changedAt = world.given.get(key)?.changedAt ?? world.takenAt.get(key) ?? Infinity;
    return trouble.wasIn(machine, noticeMs) && trouble.lastIn(machine) >= changedAt;
  }

  /** Whether what is given there is all that there was for a long while: who follows any, follows it. */
  #isFirst(key: string): boolean {
    const { world } = this.#options;
    const given = world.given.get(key);
    if (given === undefined || given.changedAt !== given.madeAt) return false;
    return (world.takenAt.get(key) ?? -Infinity) < given.madeAt - noticeMs;
  }

  /** I9: what was withdrawn long ago is not started, whatever the machine went through meanwhile. */
  #checkAssigned(machine: string, unit: string, before: Edge | undefined): void {
    const { world, trouble, now } = this.#options;
    const key = `${machine}/${unit}`;
    const bootedAt = this.#rebootedAt.get(machine) ?? -Infinity;
    // Until then it may start without the store what it was assigned last.
    const isRegistered = (world.registeredAt.get(machine) ?? -Infinity) > bootedAt;
    const isHealed = before?.isDownByItself === true && world.mayBeHealed(unit);
    if (world.given.has(key) || !isRegistered || isHealed || trouble.mayBeBlind(machine)) return;
    const sinceMs = now() - (world.takenAt.get(key) ?? -Infinity);
    this.#check('I9', sinceMs < ignoranceMs, [machine, unit], () => {
      return `${machine} was asked to start ${unit}, which was taken away from it ${sinceMs} ms before`;
    });
  }

  /** E1: another start in the same boot. */
  #checkStart(machine: string, unit: string, before: Edge): void {
    const { world } = this.#options;
    const key = `${machine}/${unit}`;
    const given = world.given.get(key);
    const isAskedAnew =
      (given !== undefined && given.changedAt > before.at - flightMs) ||
      (world.takenAt.get(key) ?? -Infinity) >= before.at;
    const isToStayUp = given !== undefined && world.specOf(unit, given.hash)?.kind === 'always';
    const isHealed = isToStayUp && before.isDownByItself;
    // The guard refuses a start while it has not been told of the lease: that one was none.
    const wasRefused = world.isBound(unit) && before.job === 'start' && !before.hasRun;
    const isRepeated = isToRepeat(before) || wasRefused || this.#lostLease(machine, unit);
    this.#check('E1', isAskedAnew || isHealed || isRepeated, [unit], () => {
      return `${machine} was asked to start ${unit} again in this boot; it had been asked to ${before.job}, and nothing has changed since`;
    });
  }

  /** Whether a unit that is to be tried elsewhere when it has failed does not run where it is. */
  #mayHaveFailed(machine: string, unit: string, { hash }: Given): boolean {
    const isRescheduled = this.#options.world.specOf(unit, hash)?.kind === 'rescheduled';
    return isRescheduled && this.up.get(machine)?.has(unit) !== true;
  }

  /** I2 and I3, the leader's part: an assignment is taken away for a reason. */
  #checkTaken({ machine, unit, before }: AssignmentChange, all: readonly AssignmentChange[]): void {
    const { world, now } = this.#options;
    if (before === null || this.#isUnwanted(unit)) return;
    if (before.role === 'released') {
      if (this.up.get(machine)?.has(unit) !== true) return;
      const isElsewhere = world.placesOf(unit).some(({ machine: other, given }) => {
        return given.role === 'holder' && this.#ranOn(other, unit, given);
      });
      this.#check('I3', isElsewhere || this.#wasAsked(unit, before), [unit], () => {
        return `${unit} was taken away from ${machine}, where it was released, before it was up elsewhere`;
      });
      return;
    }
    const wasMoved = all.some((c) => c.unit === unit && c.after !== null);
    const hasEnded = before.isLeaving || (world.isBound(unit) && this.#wasAway(machine, now()));
    const isCaused =
      hasEnded ||
      wasMoved ||
      this.#wasAsked(unit, before) ||
      this.#hasMoved(unit, before) ||
      this.#mayHaveFailed(machine, unit, before);
    this.#check('I2', isCaused, [unit], () => {
      return `${unit} was taken away from ${machine} at ${now()} though nobody asked for anything since it came there`;
    });
  }

  /** I2: a unit that has a place gets another one only if that one is gone, or it was asked for. */
  #checkGiven({ machine, unit, before }: AssignmentChange, after: Given): void {
    if (before?.role === 'holder' || after.isLeaving) return;
    const { world } = this.#options;
    if (world.isGlobal(unit)) return;
    this.moves += 1;
    this.#checkPlace(machine, unit, after);
    const leader = world.leader?.split('.')[0] ?? '';
    const isBlind = this.#options.trouble.mayBeBlind(leader);
    if (isBlind) this.#givenBlindly.add(`${machine}/${unit}`);
    else this.#givenBlindly.delete(`${machine}/${unit}`);
    for (const { machine: other, given } of world.placesOf(unit)) {
      if (other === machine) continue;
      const isAway = this.#wasAway(other, this.#options.now()) || (!world.isBound(unit) && isBlind);
      this.#check('I2', isAway || this.#wasAsked(unit, given), [unit, other], () => {
        return `${unit} is given to ${machine} though ${other} has it (${given.role}) and was not away`;
      });
    }
  }

  /** I4, for what the leader must have known when it decided. */
  #checkPlace(machine: string, unit: string, { hash }: Given): void {
    const { world } = this.#options;
    const spec = world.specOf(unit, hash);
    if (spec === null) return;
    const isRight = spec.machineId === null || spec.machineId === machine;
    this.#check('I4', isRight, [unit], () => {
      return `${unit} is given to ${machine} and has MachineID=${spec.machineId ?? ''}`;
    });
  }

  #isUnwanted(unit: string): boolean {
    const wish = this.#options.world.wishes.get(unit);
    return wish === undefined || wish.desiredState === 'inactive' || unit.includes('@.');
  }

  /** Whether it was up there lately, under this assignment, or has run to its end. */
  #ranOn(machine: string, unit: string, given: Given): boolean {
    const { now, world } = this.#options;
    if (this.up.get(machine)?.has(unit) === true || given.desiredState === 'loaded') return true;
    const last = this.#lastUp.get(`${machine}/${unit}`) ?? -Infinity;
    if (world.specOf(unit, given.hash)?.kind === 'oneshot') return last >= given.heldSince;
    return last >= now() - aftermathMs;
  }

  /** Whether a client asked lately for something that may make the unit leave its place. */
  #wasAsked(unit: string, given: Given): boolean {
    const { world, trouble, now } = this.#options;
    const asked = world.lastAskedAround(unit);
    const isFresh = Math.max(asked, trouble.lastAnywhere()) >= now() - aftermathMs;
    // A leader that lost events hears of it when it reads everything anew.
    const isLate = trouble.mayBeBlind(world.leader?.split('.')[0] ?? '');
    return asked > given.changedAt - aftermathMs && (isFresh || isLate);
  }

  /** Whether a unit that it belongs together with went elsewhere since, or has to. */
  #hasMoved(unit: string, given: Given): boolean {
    const { world, now } = this.#options;
    const group = world.groupOf(unit);
    return [...world.given].some(([key, other]) => {
      const { machine, name } = split(key);
      if (name === unit || world.groupOf(name) !== group) return false;
      return other.heldSince >= given.heldSince || this.#wasAway(machine, now());
    });
  }
}
