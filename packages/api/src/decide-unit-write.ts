import { countOn, countRestart } from '@muster/core';
import type { DesiredState, Origin, Unit, UnitCounts, UnitWrite } from '@muster/core';
import type { UnitProblem } from './http-error.ts';
import type { UnitPlaces } from './unit-places.ts';

/** A unit file that parsed. */
export interface UnitContent {
  readonly hash: string;
  /** Normalised. */
  readonly text: string;
}

/** A stored unit; `file` is null when its `file/` key is missing. */
export interface StoredUnit {
  readonly unit: Unit;
  readonly file: string | null;
}

/** A request for one unit, checked as far as that goes without the store. */
export interface UnitWish {
  readonly name: string;
  /** Name of the template if this is an instance, else null. */
  readonly template: string | null;
  readonly isTemplate: boolean;
  /** null: none was given. */
  readonly content: UnitContent | null;
  /** null: none was given. */
  readonly desiredState: DesiredState | null;
  /** true: wherever it is; else the machines on which it is restarted. */
  readonly restart: boolean | readonly string[];
  /** Starts a launched unit again on machines where it has failed. */
  readonly startFailed: boolean;
  readonly replace: boolean;
}

/** Whether it matters where the unit is now. */
export function asksForPlaces({ restart, startFailed }: UnitWish): boolean {
  return startFailed || typeof restart !== 'boolean';
}

export interface UnitContext {
  /** null: the unit does not exist. */
  readonly current: StoredUnit | null;
  /** The template's content, from the same request or from the store; null: there is none. */
  readonly template: UnitContent | null;
  /** Read for wishes that ask for it. */
  readonly places: UnitPlaces;
  readonly origin: Origin;
}

type Target = UnitCounts & { readonly desiredState: DesiredState };
type Refused = UnitDecision & { readonly type: 'refused' };
type Written = UnitWrite & { readonly set: NonNullable<UnitWrite['set']> };

export type UnitDecision =
  | {
      readonly type: 'write';
      readonly write: Written;
      /** Content that the unit did not have: to be checked before it is written. */
      readonly isNewContent: boolean;
    }
  | { readonly type: 'nothing'; readonly stored: StoredUnit }
  | { readonly type: 'refused'; readonly problem: UnitProblem };

/** What a request for one unit means, given what is stored. */
export function decideUnitWrite(wish: UnitWish, context: UnitContext): UnitDecision {
  const { current } = context;
  const wanted =
    current === null ? newTarget(wish) : nextTarget(wish, current.unit, context.places);
  if ('type' in wanted) return wanted;
  if (wish.isTemplate && wanted.desiredState !== 'inactive') {
    return refuse(wish, 400, 'template', `cannot activate template "${wish.name}"`);
  }
  const content = chooseContent(wish, context);
  if ('type' in content) return content;
  if (
    current?.file != null &&
    content.hash === current.unit.hash &&
    wanted.desiredState === current.unit.desiredState &&
    wanted.restarts === current.unit.restarts &&
    wanted.perMachine === current.unit.perMachine
  ) {
    return { type: 'nothing', stored: current };
  }
  return {
    type: 'write',
    isNewContent: content.hash !== current?.unit.hash,
    write: {
      name: wish.name,
      expect: current?.unit.modRevision ?? 0,
      set: { hash: content.hash, file: content.text, ...wanted, origin: context.origin },
    },
  };
}

function newTarget(wish: UnitWish): Target | Refused {
  const { desiredState, restart } = wish;
  if (typeof restart !== 'boolean') {
    return refuse(wish, 404, 'not-found', `unit "${wish.name}" does not exist`);
  }
  return { desiredState: desiredState ?? (restart ? 'launched' : 'inactive'), restarts: 0 };
}

function nextTarget(wish: UnitWish, unit: Unit, places: UnitPlaces): Target | Refused {
  const { restart, startFailed } = wish;
  const kept = places.holders;
  if (typeof restart !== 'boolean') {
    const refused = refuseOnMachines(wish, unit, places);
    if (refused !== null) return refused;
    return target('launched', countOn('restarts', unit, { machines: restart, kept }));
  }
  if (restart) {
    // What is not launched has nothing to restart: launching it is enough.
    return target('launched', unit.desiredState === 'launched' ? countRestart(unit) : unit);
  }
  const desiredState = wish.desiredState ?? unit.desiredState;
  const machines = places.failed;
  const isStartedAgain = startFailed && machines.size > 0 && unit.desiredState === 'launched';
  if (!isStartedAgain || desiredState !== 'launched') return target(desiredState, unit);
  return target(desiredState, countOn('starts', unit, { machines, kept }));
}

function target(desiredState: DesiredState, { restarts, perMachine }: UnitCounts): Target {
  return { desiredState, restarts, ...(perMachine === undefined ? {} : { perMachine }) };
}

function refuseOnMachines(wish: UnitWish, unit: Unit, { holders }: UnitPlaces): Refused | null {
  const { name, restart } = wish;
  if (unit.desiredState !== 'launched') {
    const message = `unit "${name}" is ${unit.desiredState}, not launched: it cannot be restarted on single machines`;
    return refuse(wish, 409, 'not-launched', message);
  }
  const machines = typeof restart === 'boolean' ? [] : restart;
  const missing = machines.filter((machine) => !holders.has(machine));
  if (missing.length === 0) return null;
  return refuse(wish, 409, 'not-on-machine', `unit "${name}" is not on ${missing.join(', ')}`);
}

function chooseContent(wish: UnitWish, { current, template }: UnitContext): UnitContent | Refused {
  const given = wish.content ?? (current === null || wish.replace ? template : null);
  if (current === null) return given ?? refuseMissing(wish);
  const stored = current.file === null ? null : { hash: current.unit.hash, text: current.file };
  if (given !== null && given.hash !== current.unit.hash && !wish.replace) {
    const message = `unit "${wish.name}" exists with other content`;
    return refuse(wish, 409, 'other-content', message);
  }
  if (given !== null) return given;
  if (stored !== null) return stored;
  const message = `the content of unit "${wish.name}" (${current.unit.hash}) is missing in the store: submit it again`;
  return refuse(wish, 409, 'content-missing', message);
}

function refuseMissing({ name, template, ...wish }: UnitWish): Refused {
  const why =
    template === null
      ? 'and no unit file was given'
      : `nor does its template "${template}", and no unit file was given`;
  return refuse(
    { name, template, ...wish },
    404,
    'not-found',
    `unit "${name}" does not exist, ${why}`,
  );
}

function refuse(
  { name }: UnitWish,
  status: UnitProblem['status'],
  code: string,
  message: string,
): Refused {
  return { type: 'refused', problem: { name, status, code, message, reason: message, line: null } };
}
