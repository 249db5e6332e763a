import type { DesiredState, Origin, Unit, UnitWrite } from '@muster/core';
import type { UnitProblem } from './http-error.ts';

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
  readonly restart: boolean;
  readonly replace: boolean;
}

export interface UnitContext {
  /** null: the unit does not exist. */
  readonly current: StoredUnit | null;
  /** The template's content, from the same request or from the store; null: there is none. */
  readonly template: UnitContent | null;
  readonly origin: Origin;
}

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
  const wanted = current === null ? newTarget(wish) : nextTarget(wish, current.unit);
  if (wish.isTemplate && wanted.desiredState !== 'inactive') {
    return refuse(wish, 400, 'template', `cannot activate template "${wish.name}"`);
  }
  const content = chooseContent(wish, context);
  if ('type' in content) return content;
  if (
    current?.file != null &&
    content.hash === current.unit.hash &&
    wanted.desiredState === current.unit.desiredState &&
    wanted.restarts === current.unit.restarts
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

function newTarget({ desiredState, restart }: UnitWish): {
  desiredState: DesiredState;
  restarts: number;
} {
  return { desiredState: desiredState ?? (restart ? 'launched' : 'inactive'), restarts: 0 };
}

function nextTarget(wish: UnitWish, unit: Unit): { desiredState: DesiredState; restarts: number } {
  if (!wish.restart) {
    return { desiredState: wish.desiredState ?? unit.desiredState, restarts: unit.restarts };
  }
  // What is not launched has nothing to restart: launching it is enough.
  const restarts = unit.restarts + (unit.desiredState === 'launched' ? 1 : 0);
  return { desiredState: 'launched', restarts };
}

function chooseContent(
  wish: UnitWish,
  { current, template }: UnitContext,
): UnitContent | (UnitDecision & { readonly type: 'refused' }) {
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

function refuseMissing({ name, template, ...wish }: UnitWish): UnitDecision & { type: 'refused' } {
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
): UnitDecision & { type: 'refused' } {
  return { type: 'refused', problem: { name, status, code, message, reason: message, line: null } };
}
