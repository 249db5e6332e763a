import {
  checkUnitFile,
  checkUnitName,
  desiredStates,
  hashUnitFile,
  parseUnitName,
  reservedNameProblem,
  serializeUnitFile,
} from '@muster/core';
import type { Origin, UnitFile, UnitWrite } from '@muster/core';
import { decideUnitWrite } from '../decide-unit-write.ts';
import type { StoredUnit, UnitContent, UnitWish } from '../decide-unit-write.ts';
import { quoted } from '../quoted.ts';
import { nowhere } from '../unit-places.ts';
import type { PutBody } from './read-body.ts';

/** A PUT whose name is good, checked as far as that goes without the store. */
export interface Put {
  readonly name: string;
  /** null: none was given. */
  readonly content: UnitContent | null;
  /** Why this content may not be stored; null: it may. */
  readonly contentProblem: string | null;
  /** As it was given, good or not; '' when it was not. */
  readonly desiredState: string;
}

export interface PutRefusal {
  readonly type: 'refused';
  readonly status: number;
  readonly message: string;
}

export type PutDecision =
  | {
      readonly type: 'settled';
      /** 201: the unit got its content. 204: its desired state. */
      readonly status: 201 | 204;
      /** null: it is like that already. */
      readonly write: UnitWrite | null;
    }
  | PutRefusal;

/** @param name - of the URL */
export function readPut(name: string, body: PutBody): Put | PutRefusal {
  if (body.name !== '' && body.name !== name) {
    return refuse(
      400,
      `name in URL ${quoted(name)} differs from unit name in request body ${quoted(body.name)}`,
    );
  }
  const problem = checkUnitName(name) ?? reservedNameProblem(name);
  if (problem !== null) return refuse(400, problem);
  const { desiredState } = body;
  if (body.options.length === 0) return { name, content: null, contentProblem: null, desiredState };
  const file: UnitFile = { options: body.options };
  const content = { hash: hashUnitFile(file), text: serializeUnitFile(file) };
  const [contentProblem = null] = checkUnitFile(file, name).problems;
  return { name, content, contentProblem, desiredState };
}

/**
 * What a PUT means, given what is stored: in fleet's order, and with its texts. Other content than
 * the stored one replaces it, and without a desired state the unit is `inactive` from then on.
 */
export function decidePut(
  put: Put,
  { current, origin }: { readonly current: StoredUnit | null; readonly origin: Origin },
): PutDecision {
  const { content, contentProblem } = put;
  const isOther = content !== null && content.hash !== current?.unit.hash;
  const isContentWritten = current === null || isOther;
  if (current === null && content === null) {
    return refuse(409, 'unit does not exist and options field empty');
  }
  if (isContentWritten && contentProblem !== null) return refuse(400, contentProblem);
  if (!isContentWritten && put.desiredState === '') {
    return refuse(409, 'must provide DesiredState to update existing unit');
  }
  const wish = wishOf(put);
  if ('type' in wish) return wish;
  const decision = decideUnitWrite(wish, {
    current,
    template: null,
    places: nowhere,
    origin,
  });
  if (decision.type === 'refused') {
    return refuse(decision.problem.status, decision.problem.reason);
  }
  const status = isContentWritten ? 201 : 204;
  return { type: 'settled', status, write: decision.type === 'write' ? decision.write : null };
}

function wishOf({ name, content, ...put }: Put): UnitWish | PutRefusal {
  const wanted = put.desiredState === '' ? 'inactive' : put.desiredState;
  const desiredState = desiredStates.find((state) => state === wanted);
  if (desiredState === undefined) {
    return refuse(
      400,
      `invalid desiredState ${quoted(wanted)}: must be ${desiredStates.join(', ')}`,
    );
  }
  return {
    name,
    // An instance without content is not made from its template: fleet's clients do that.
    template: null,
    isTemplate: parseUnitName(name).isTemplate,
    content,
    desiredState,
    restart: false,
    startFailed: false,
    replace: true,
  };
}

function refuse(status: number, message: string): PutRefusal {
  return { type: 'refused', status, message };
}
