import type { End, Scene } from './faults.ts';
import type { Caught } from './network.ts';
import type { FaultKind } from './plan.ts';
import type { Random } from './random.ts';
import { split } from './world.ts';

/** What a held write waits for: it arrives shortly after. */
type Occasion = 'another-leads' | 'presence' | 'rewritten' | 'the-end';

export interface HoldOptions {
  readonly scene: Scene;
  readonly random: Random;
  /** Machine one of whose states is to be late; null: the next write of assignments, whoever's. */
  readonly statesOf: string | null;
  /** Brings another fault about, at the machine whose write it is. */
  readonly also: (kind: FaultKind, machine: string) => End;
}

interface Held {
  /** Paths that it writes. */
  readonly paths: readonly string[];
  readonly machine: string;
  readonly letGo: () => void;
}

/**
 * Holds the next write on its way, as a member of etcd that hangs does, or the buffers of a link
 * that is half open: its sender gives it up, and it arrives when what it was decided from may have
 * changed. Or it passes, and arrives once more: the client had sent it twice.
 * @returns lets it go
 */
export function holdWrite(options: HoldOptions): End {
  const { scene, random } = options;
  const { network, say } = scene;
  const occasion = drawOccasion(options);
  const isCopy = random.chance(occasion === 'rewritten' ? 0.7 : 0.3);
  let end: End = () => untrap();
  const untrap = network.trap((machine, keys, letGo): Caught => {
    const paths = keys.map((key) => key.slice(key.indexOf('/', 1) + 1));
    if (!isMeant(options, machine, paths)) return 'passes';
    untrap();
    scene.count(`a write is ${isCopy ? 'sent twice, once late' : 'held'} until ${occasion}`);
    say('fault', `a write of ${machine} is held until ${occasion}: ${paths.join(' ')}`);
    end = waitFor(occasion, { paths, machine, letGo }, { ...options, isCopy });
    return isCopy ? 'copied' : 'held';
  });
  return () => end();
}

function drawOccasion({ random, statesOf }: HoldOptions): Occasion {
  return statesOf === null
    ? random.weighted({ 'another-leads': 5, rewritten: 5, 'the-end': 1 })
    : random.weighted({ presence: 5, rewritten: 4, 'the-end': 1 });
}

function isMeant({ statesOf }: HoldOptions, machine: string, paths: readonly string[]): boolean {
  const kind = statesOf === null ? 'assignment/' : 'state/';
  return (statesOf === null || machine === statesOf) && paths.some((path) => path.startsWith(kind));
}

/** @returns lets it go at once */
function waitFor(
  occasion: Occasion,
  held: Held,
  { scene, random, also, isCopy }: HoldOptions & { readonly isCopy: boolean },
): End {
  const { clock, world, network, say } = scene;
  let isGone = false;
  const arrive = (): void => {
    if (isGone) return;
    if (network.isStoreDown) return clock.after(storeLookMs, arrive);
    isGone = true;
    say('fault', `the write of ${held.machine} that was held arrives`);
    held.letGo();
  };
  const comes = arises(occasion, held, { scene, random, isCopy });
  const forget = world.onChange((paths) => {
    if (!comes(paths)) return;
    forget();
    clock.after(random.chance(0.6) ? random.between(0, 30) : random.spread(30, 20_000), arrive);
  });
  const kind = consequence(occasion, random);
  const undo = kind === null ? null : also(kind, held.machine);
  return () => {
    forget();
    undo?.();
    arrive();
  };
}

const storeLookMs = 1_000;

/** Whether what is waited for has come about with the change of some paths. */
function arises(
  occasion: Occasion,
  { paths, machine }: Held,
  { scene, random, isCopy }: Pick<HoldOptions, 'scene' | 'random'> & { isCopy: boolean },
): (changed: readonly string[]) => boolean {
  const { world } = scene;
  switch (occasion) {
    case 'another-leads': {
      const former = world.leader;
      const isVacancyEnough = random.chance(0.5);
      return () => world.leader !== former && (isVacancyEnough || world.leader !== null);
    }
    case 'presence':
      return (changed) => changed.includes(`machine/${machine}`);
    case 'rewritten': {
      const meant = new Set(paths.flatMap(subjectOf));
      // Its own passing is the first time.
      let timesLeft = 1 + random.below(3) + (isCopy ? 1 : 0);
      return (changed) => {
        if (changed.flatMap(subjectOf).some((subject) => meant.has(subject))) timesLeft -= 1;
        return timesLeft <= 0;
      };
    }
    case 'the-end':
      return () => false;
  }
}

/** What a path is about: the unit of an assignment, a unit's state on a machine, or nothing of these. */
function subjectOf(path: string): string[] {
  const { machine: kind, name } = split(path);
  if (kind === 'state') return [path];
  return kind === 'assignment' ? [split(name).name] : [];
}

/** What makes the occasion arise; null: nothing is needed. */
function consequence(occasion: Occasion, random: Random): FaultKind | null {
  switch (occasion) {
    case 'another-leads':
      return random.weighted({ 'cut-requests': 3, stall: 3, crash: 1, upgrade: 2 });
    case 'presence':
      return random.weighted({ upgrade: 4, 'power-cut': 2, stall: 1, cut: 1 });
    case 'rewritten':
    case 'the-end':
      return null;
  }
}
