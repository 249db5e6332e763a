import type { Origin, Unit, UnitRegistry, UnitWrite } from '@muster/core';
import { asksForPlaces, decideUnitWrite } from './decide-unit-write.ts';
import type { StoredUnit, UnitContent, UnitDecision, UnitWish } from './decide-unit-write.ts';
import { UnitsRefusedError } from './http-error.ts';
import type { UnitProblem } from './http-error.ts';
import { nowhere, readPlaces } from './unit-places.ts';
import type { UnitPlaces } from './unit-places.ts';
import { readWishes, UnitFileReader } from './unit-wishes.ts';
import type { DestroyResultBody, UnitRequest, UnitResultBody } from './wire.ts';

/** How often a unit that somebody else changed meanwhile is decided anew. */
const maxAttempts = 5;

type Stored = ReadonlyMap<string, StoredUnit>;
type WriteDecision = Extract<UnitDecision, { type: 'write' }>;
type Settled = Exclude<UnitDecision, { type: 'refused' }>;

/**
 * Carries out requests for units, all of them or (when one is refused) none.
 * @returns a result for each request, in order
 * @throws {UnitsRefusedError} nothing was stored
 * @throws {StoreUnavailableError} what was written is then unknown
 */
export async function writeUnits(
  registry: UnitRegistry,
  requests: readonly UnitRequest[],
  origin: Origin,
): Promise<readonly UnitResultBody[]> {
  const reader = new UnitFileReader();
  const { wishes, problems } = readWishes(requests, reader);
  refuseIfAny(problems);
  const results = new Map<string, UnitResultBody>();
  let open = wishes;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const stored = await registry.units(namesToRead(open, wishes));
    const places = await readPlaces(registry, unitsToFind(open, stored));
    const decided = decideAll(open, templatesOf(wishes, stored), { stored, places, origin });
    // Once something is written, a unit that is refused now was changed by somebody else meanwhile.
    if (attempt === 1) refuseIfAny(problemsOf(decided, reader));
    const done = await carryOut(registry, decided, reader);
    for (const [name, result] of done) results.set(name, result);
    open = open.filter(({ name }) => results.get(name)?.result === 'conflict');
    if (attempt === maxAttempts) break;
  }
  return wishes.flatMap(({ name }) => results.get(name) ?? []);
}

/** What a request would write of a unit. */
interface TriedUnit {
  readonly result: Omit<UnitResultBody, 'revision'>;
  /** As it would be stored; `createRevision` 0: it is not yet. */
  readonly unit: Unit;
  /** Its content, if that would be written; else null. */
  readonly file: string | null;
}

/**
 * What requests come to as things are now; nothing is written.
 * @returns one for each request, in order
 * @throws {UnitsRefusedError} as writeUnits would
 */
export async function tryUnits(
  registry: UnitRegistry,
  requests: readonly UnitRequest[],
  origin: Origin,
): Promise<readonly TriedUnit[]> {
  const reader = new UnitFileReader();
  const { wishes, problems } = readWishes(requests, reader);
  refuseIfAny(problems);
  const stored = await registry.units(namesToRead(wishes, wishes));
  const places = await readPlaces(registry, unitsToFind(wishes, stored));
  const decided = decideAll(wishes, templatesOf(wishes, stored), { stored, places, origin });
  refuseIfAny(problemsOf(decided, reader));
  return decided.flatMap((decision) => {
    if (decision.type === 'refused') return [];
    const { revision: _, ...result } = resultOf(decision, reader, 1);
    return [{ result, ...afterwards(decision, stored) }];
  });
}

/** The unit as the decision leaves it. */
function afterwards(decision: Settled, stored: Stored): Pick<TriedUnit, 'unit' | 'file'> {
  if (decision.type === 'nothing') return { unit: decision.stored.unit, file: null };
  const { name, set } = decision.write;
  const { file, hash, desiredState, restarts, perMachine, origin } = set;
  const createRevision = stored.get(name)?.unit.createRevision ?? 0;
  const unit = { name, hash, desiredState, restarts, origin, createRevision, modRevision: 0 };
  return { unit: perMachine === undefined ? unit : { ...unit, perMachine }, file };
}

/** Destroys units; one that does not exist is no error. @returns a result for each, in order */
export async function destroyUnits(
  registry: UnitRegistry,
  names: readonly string[],
  origin: Origin,
): Promise<readonly DestroyResultBody[]> {
  const results = new Map<string, DestroyResultBody>();
  let open = names;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const stored = await registry.units(open);
    const writes: UnitWrite[] = [];
    for (const name of open) {
      const current = stored.get(name);
      if (current === undefined) results.set(name, { name, result: 'absent', revision: 0 });
      else {
        const expect = current.unit.modRevision;
        writes.push({ name, expect, set: null, destroyedBy: origin });
      }
    }
    const written = await registry.write(writes);
    writes.forEach(({ name }, i) => {
      const result = written[i];
      results.set(
        name,
        result?.type === 'written'
          ? { name, result: 'destroyed', revision: result.revision }
          : { name, result: 'conflict', revision: 0 },
      );
    });
    open = open.filter((name) => results.get(name)?.result === 'conflict');
    if (attempt === maxAttempts) break;
  }
  return names.flatMap((name) => results.get(name) ?? []);
}

function namesToRead(open: readonly UnitWish[], all: readonly UnitWish[]): string[] {
  const given = new Set(all.filter(({ content }) => content !== null).map(({ name }) => name));
  const names = new Set<string>();
  for (const { name, template, content } of open) {
    names.add(name);
    if (template !== null && content === null && !given.has(template)) names.add(template);
  }
  return [...names];
}

/** Units of which it has to be known where they are. */
function unitsToFind(open: readonly UnitWish[], stored: Stored): Unit[] {
  return open.flatMap((wish) => {
    const unit = stored.get(wish.name)?.unit;
    return unit?.desiredState === 'launched' && asksForPlaces(wish) ? [unit] : [];
  });
}

/** Contents of templates by name: what this request brings goes before what is stored. */
function templatesOf(wishes: readonly UnitWish[], stored: Stored): Map<string, UnitContent> {
  const templates = new Map<string, UnitContent>();
  for (const [name, { unit, file }] of stored) {
    if (file !== null) templates.set(name, { hash: unit.hash, text: file });
  }
  for (const { name, content } of wishes) if (content !== null) templates.set(name, content);
  return templates;
}

function decideAll(
  wishes: readonly UnitWish[],
  templates: ReadonlyMap<string, UnitContent>,
  {
    stored,
    places,
    origin,
  }: { stored: Stored; places: ReadonlyMap<string, UnitPlaces>; origin: Origin },
): UnitDecision[] {
  return wishes.map((wish) =>
    decideUnitWrite(wish, {
      current: stored.get(wish.name) ?? null,
      template: (wish.template === null ? undefined : templates.get(wish.template)) ?? null,
      places: places.get(wish.name) ?? nowhere,
      origin,
    }),
  );
}

function problemsOf(decisions: readonly UnitDecision[], reader: UnitFileReader): UnitProblem[] {
  return decisions.flatMap((decision) => {
    if (decision.type === 'refused') return [decision.problem];
    if (decision.type === 'nothing' || !decision.isNewContent) return [];
    return reader.check(decision.write.name, decision.write.set.file).problems;
  });
}

function refuseIfAny(problems: readonly UnitProblem[]): void {
  const [first, ...rest] = problems;
  if (first !== undefined) throw new UnitsRefusedError([first, ...rest]);
}

async function carryOut(
  registry: UnitRegistry,
  decisions: readonly UnitDecision[],
  reader: UnitFileReader,
): Promise<Map<string, UnitResultBody>> {
  const results = new Map<string, UnitResultBody>();
  const writing: WriteDecision[] = [];
  for (const decision of decisions) {
    if (decision.type === 'write') writing.push(decision);
    else if (decision.type === 'nothing') {
      const { unit } = decision.stored;
      results.set(unit.name, resultOf(decision, reader, unit.modRevision));
    } else results.set(decision.problem.name, conflictOf(decision.problem));
  }
  if (writing.length === 0) return results;
  const written = await registry.write(writing.map(({ write }) => write));
  writing.forEach((decision, i) => {
    const outcome = written[i];
    const revision = outcome?.type === 'written' ? outcome.revision : 0;
    results.set(decision.write.name, resultOf(decision, reader, revision));
  });
  return results;
}

function resultOf(decision: Settled, reader: UnitFileReader, revision: number): UnitResultBody {
  const isWrite = decision.type === 'write';
  const name = isWrite ? decision.write.name : decision.stored.unit.name;
  const { hash, desiredState } = isWrite ? decision.write.set : decision.stored.unit;
  const text = isWrite ? decision.write.set.file : decision.stored.file;
  const checked = text === null ? null : reader.check(name, text);
  const written = isWrite && decision.write.expect > 0 ? 'updated' : 'created';
  return {
    name,
    result: !isWrite ? 'unchanged' : revision === 0 ? 'conflict' : written,
    revision,
    hash,
    desiredState,
    isGlobal: checked?.isGlobal ?? false,
    isNewContent: isWrite && decision.isNewContent,
    warnings: isWrite ? (checked?.warnings ?? []) : [],
  };
}

function conflictOf({ name }: UnitProblem): UnitResultBody {
  return {
    name,
    result: 'conflict',
    revision: 0,
    hash: '',
    desiredState: 'inactive',
    isGlobal: false,
    isNewContent: false,
    warnings: [],
  };
}
