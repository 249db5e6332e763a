import type { VirtualClock } from '@muster/core/testing';
import type { MemoryStore } from '@muster/registry';
import type { Checker } from './checker.ts';
import { holdWrite } from './held.ts';
import type { SimMachine } from './machine.ts';
import type { Direction, Network } from './network.ts';
import type { Fault, FaultKind } from './plan.ts';
import { Random } from './random.ts';
import type { Say } from './trace.ts';
import type { Trouble } from './trouble.ts';
import type { World } from './world.ts';

/** What faults are done to. */
export interface Scene {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly network: Network;
  readonly machines: readonly SimMachine[];
  readonly world: World;
  readonly trouble: Trouble;
  readonly checker: Checker;
  readonly say: Say;
  readonly count: (what: string) => void;
}

/** Ends what a fault began; harmless when it is over already. */
export type End = () => void;
const nothing: End = () => undefined;

/** Brings a fault about. @returns ends it; to be called when its time is over, or before */
export function begin(fault: Fault, scene: Scene): End {
  const { trouble, say } = scene;
  const where = placeOf(fault, scene);
  say('fault', `${fault.kind} ${where.at}, ${Math.round(fault.ms)} ms`);
  const over = trouble.begin(where.at, fault.kind);
  const undo = carryOut(fault, where.machine, scene);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    say('fault', `${fault.kind} ${where.at} is over`);
    undo();
    over();
  };
}

/** What is not at a machine, where it is. */
const places: Partial<Record<FaultKind, string>> = {
  'store-away': 'store',
  'store-refuses': 'store',
  'store-leader-change': 'store',
  compaction: 'store',
  // No machine is in trouble by a write that is late: nothing is excused by it.
  'held-write': 'way',
  'held-state': 'way',
};

function placeOf(fault: Fault, { machines, world }: Scene): { machine: SimMachine; at: string } {
  const leader = world.leader?.split('.')[0];
  const led = machines.find(({ id }) => id === leader);
  const drawn = machines[fault.machine];
  const machine = fault.kind.endsWith('-leader') ? (led ?? drawn) : drawn;
  if (machine === undefined) throw new Error(`there is no machine ${fault.machine}`);
  return { machine, at: places[fault.kind] ?? machine.id };
}

function carryOut(fault: Fault, machine: SimMachine, scene: Scene): End {
  const { network, clock, store, checker } = scene;
  const random = new Random(fault.seed);
  const cut = (...directions: Direction[]): End => {
    network.cut(machine.id, directions);
    return () => network.mend(machine.id);
  };
  switch (fault.kind) {
    case 'crash':
    case 'crash-leader':
      machine.process?.killAtCall(random.below(40), random.chance(0.5) ? 'before' : 'after');
      return () => {
        machine.process?.kill();
        machine.start();
      };
    case 'upgrade':
      machine.stop();
      return () => {
        machine.process?.kill();
        machine.start();
      };
    case 'power-cut':
      machine.powerOff();
      checker.rebooted(machine.id);
      return () => machine.powerOn();
    case 'stall':
    case 'stall-leader': {
      const { process } = machine;
      process?.stop();
      return () => process?.go();
    }
    case 'cut':
    case 'cut-leader':
      return cut('to-store', 'from-store');
    case 'cut-requests':
      return cut('to-store');
    case 'cut-answers':
      return cut('from-store');
    case 'held-write':
    case 'held-state': {
      const statesOf = fault.kind === 'held-state' ? machine.id : null;
      return holdWrite({
        scene,
        random,
        statesOf,
        also: (kind, at) => alsoBegin(kind, at, { scene, random }),
      });
    }
    case 'noise':
      network.disturb(machine.id, drawNoise(random));
      return () => network.disturb(machine.id, null);
    case 'lost-events':
      network.disturb(machine.id, { ...calm, loseEvent: random.between(0.05, 0.5) });
      return () => network.disturb(machine.id, null);
    case 'broken-watches':
      network.breakWatches(machine.id, 'the connection broke');
      network.disturb(machine.id, { ...calm, breakWatch: random.between(0.1, 0.7) });
      return () => network.disturb(machine.id, null);
    case 'hung-watches':
      network.hangWatches(machine.id, true);
      return () => network.hangWatches(machine.id, false);
    case 'store-away':
    case 'store-refuses':
      network.outage(fault.kind === 'store-away' ? 'silent' : 'refused');
      // Whoever was without a quorum gives every lease its whole time when it is back.
      if (random.chance(0.5)) store.renewAll();
      return () => network.outage(null);
    case 'store-leader-change': {
      network.outage('silent');
      clock.after(random.between(300, 2_500), () => {
        store.renewAll();
        network.outage(null);
      });
      return nothing;
    }
    case 'compaction':
      store.compact(store.revision);
      return nothing;
    case 'bus-away':
      machine.systemd.outage(true);
      return () => machine.systemd.outage(false);
    case 'bus-noise':
      machine.bus.disturb({
        refuse: random.between(0, 0.3),
        loseAnswer: random.between(0, 0.3),
        delayMs: random.spread(10, 3_000),
      });
      return () => machine.bus.disturb(null);
    case 'slow-units':
    case 'unit-ends':
      return onUnits(fault.kind, { random, machine, checker });
  }
}

/** A fault that belongs to another one; it ends by itself. */
function alsoBegin(
  kind: FaultKind,
  id: string,
  { scene, random }: { scene: Scene; random: Random },
): End {
  const ms = random.spread(1_000, 30_000);
  const seed = random.below(0x1_0000_0000);
  const machine = scene.machines.findIndex((one) => one.id === id);
  const end = begin({ kind, at: 0, ms, machine, seed }, scene);
  scene.clock.after(ms, end);
  return end;
}

const calm = {
  loseRequest: 0,
  loseAnswer: 0,
  sendTwice: 0,
  delayMs: 0,
  repeatEvent: 0,
  breakWatch: 0,
  loseEvent: 0,
};

function drawNoise(random: Random): typeof calm {
  const sometimes = (most: number): number => (random.chance(0.5) ? random.between(0, most) : 0);
  return {
    loseRequest: sometimes(0.5),
    loseAnswer: sometimes(0.5),
    sendTwice: sometimes(0.5),
    delayMs: random.chance(0.6) ? random.spread(10, 10_000) : 0,
    repeatEvent: sometimes(0.5),
    breakWatch: sometimes(0.3),
    loseEvent: 0,
  };
}

function onUnits(
  kind: 'slow-units' | 'unit-ends',
  { random, machine, checker }: { random: Random; machine: SimMachine; checker: Checker },
): End {
  const units = [...(checker.up.get(machine.id)?.keys() ?? [])].sort();
  if (units.length === 0) return nothing;
  const unit = random.pick(units);
  if (kind === 'slow-units') {
    const script = { startMs: random.spread(100, 30_000), stopMs: random.spread(100, 30_000) };
    machine.systemd.script(unit, script);
    return () => machine.systemd.script(unit, {});
  }
  const isActive = checker.isActive(machine.id, unit);
  if (!isActive) return nothing;
  if (random.chance(0.5)) machine.systemd.crash(unit);
  else machine.systemd.exit(unit, random.chance(0.7) ? 0 : 1);
  return nothing;
}
