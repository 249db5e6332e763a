import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log, NoteStore, UnitNote } from '@muster/core';

export interface NoteStoreOptions {
  /** Forgotten at reboot; made when the first note is written. */
  readonly directory: string;
  readonly bootId: string;
  readonly log: Log;
}

const suffix = '.json';
const temporaryPrefix = '.tmp-';
const longestPlainName = 200;

/** One JSON file for each unit, written by one process at a time. */
export class FileNoteStore implements NoteStore {
  readonly #options: NoteStoreOptions;
  #temporaries = 0;
  #isPrepared = false;

  constructor(options: NoteStoreOptions) {
    this.#options = options;
  }

  /** Notes of another boot, and what a crash left half-written, are removed on the way. */
  async load(): Promise<ReadonlyMap<string, UnitNote>> {
    this.#prepare();
    const { directory, bootId, log } = this.#options;
    const notes = new Map<string, UnitNote>();
    for (const file of readdirSync(directory).toSorted()) {
      const path = join(directory, file);
      if (file.startsWith(temporaryPrefix)) rmSync(path, { force: true });
      if (!file.endsWith(suffix)) continue;
      const parsed = parseNote(readFileSync(path, 'utf8'));
      if (typeof parsed === 'string') {
        log.warn({ path, problem: parsed }, 'a note of a unit cannot be read and is left out');
      } else if (noteFileName(parsed.unit) !== file) {
        log.warn({ path, unit: parsed.unit }, 'a note has the file name of another unit');
      } else if (parsed.bootId === bootId) notes.set(parsed.unit, parsed);
      else rmSync(path, { force: true });
    }
    return notes;
  }

  async save(note: UnitNote): Promise<void> {
    this.#prepare();
    this.#temporaries += 1;
    const { directory } = this.#options;
    const temporary = join(directory, `${temporaryPrefix}${process.pid}-${this.#temporaries}`);
    writeFileSync(temporary, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    renameSync(temporary, join(directory, noteFileName(note.unit)));
  }

  async remove(unit: string): Promise<void> {
    rmSync(join(this.#options.directory, noteFileName(unit)), { force: true });
  }

  #prepare(): void {
    if (this.#isPrepared) return;
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    this.#isPrepared = true;
  }
}

/** At most 255 bytes, and another one for each unit: `~` is in no unit name. */
export function noteFileName(unit: string): string {
  const escaped = unit.replace(
    /[^A-Za-z0-9:_.@\\-]/gu,
    (char) => `%${Buffer.from(char).toString('hex')}`,
  );
  if (escaped.length <= longestPlainName && !escaped.startsWith('.')) return escaped + suffix;
  const digest = createHash('sha1').update(unit).digest('hex');
  return `${escaped.replace(/^\.+/, '').slice(0, 150)}~${digest}${suffix}`;
}

/** The note, or what is wrong with it in a few words. */
function parseNote(text: string): UnitNote | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'it is not an object';
  const field = (name: string): unknown => Reflect.get(value, name);
  const [unit, bootId, hash] = [field('unit'), field('bootId'), field('hash')];
  const [answers, incarnation, restarts] = [
    field('answers'),
    field('incarnation'),
    field('restarts'),
  ];
  const starts = field('starts');
  const stay = field('stay');
  const desiredState = field('desiredState');
  const pending = field('pending');
  const begins = parseBegins(field('begins'));
  const wasStarted = field('wasStarted');
  const jobResult = field('jobResult');
  if (typeof unit !== 'string' || unit === '') return 'unit is missing';
  if (typeof bootId !== 'string') return 'bootId is missing';
  if (typeof hash !== 'string') return 'hash is missing';
  if (!isCount(answers) || !isCount(incarnation) || !isCount(restarts)) {
    return 'answers, incarnation and restarts must be whole numbers';
  }
  if (starts !== undefined && !isCount(starts)) return 'starts must be a whole number';
  if (stay !== undefined && !isCount(stay)) return 'stay must be a whole number';
  if (desiredState !== 'loaded' && desiredState !== 'launched') return 'desiredState is unknown';
  if (pending !== null && pending !== 'start' && pending !== 'stop' && pending !== 'restart') {
    return 'pending is unknown';
  }
  if (typeof begins === 'string') return begins;
  if (typeof wasStarted !== 'boolean') return 'wasStarted is missing';
  if (jobResult !== null && typeof jobResult !== 'string') return 'jobResult is missing';
  return {
    unit,
    bootId,
    answers,
    incarnation,
    hash,
    desiredState,
    restarts,
    ...(starts === undefined ? {} : { starts }),
    ...(stay === undefined ? {} : { stay }),
    pending,
    ...(begins === undefined ? {} : { begins }),
    wasStarted,
    jobResult,
  };
}

/** Or what is wrong with it. */
function parseBegins(value: unknown): UnitNote['begins'] | string {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return 'begins is not an object';
  const [hash, restarts] = [Reflect.get(value, 'hash'), Reflect.get(value, 'restarts')];
  const isRight = typeof hash === 'string' && isCount(restarts);
  return isRight ? { hash, restarts } : 'begins has no hash or restarts';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
