/**
 * How a unit is to behave, which is what the checks go by.
 * `steady`: runs until somebody stops it. `everywhere`: the same, on every machine. `pinned`: the
 * same, on one machine. `exclusive`: never on two machines at once (`OnPartition=stop`). `restless`:
 * ends by itself and is started again. `once`: runs to its end when it is launched. `timer`: starts
 * another unit now and then, which is `started`.
 */
export type UnitKind =
  'steady' | 'everywhere' | 'pinned' | 'exclusive' | 'restless' | 'once' | 'timer' | 'started';

/** A unit of the run. */
export interface CastUnit {
  readonly name: string;
  readonly kind: UnitKind;
  readonly file: string;
  /** What it is to be when the run begins. `started` units are loaded. */
  readonly desiredState: 'loaded' | 'launched';
  /** What clients ask of it: nothing, the usual verbs, or also to be destroyed and made again. */
  readonly asked: 'nothing' | 'verbs' | 'everything';
  /** Unit that it follows (`MachineOf=`); null: none. */
  readonly follows: string | null;
  /** Units with the same word never share a machine; null: none. */
  readonly apart: string | null;
  /** Machines that it may be on; null: all. */
  readonly only: Place | null;
}

type Place =
  | { readonly type: 'machine'; readonly machine: number }
  | { readonly type: 'metadata'; readonly key: string; readonly value: string };

/** Where the programs of units note when they begin and end; outlives a reboot. */
export const programLog = '/var/lib/chaos.log';

/** All units of the run are named so: what is on a machine with this in its name belongs to it. */
export const namePrefix = 'chaos-';

/** Metadata that clients change; units with it have to move. */
export const movingKey = 'colour';
export const movingValue = 'blue';

const uptime = 'read now rest </proc/uptime';

/** Runs until it is stopped: one process, and nothing that wakes up. */
const steadyProgram = program('exec sleep infinity');

/** @param machineIds - of machines 1, 2, … */
export function makeCast(machineIds: readonly string[]): readonly CastUnit[] {
  return [
    ...['still-1', 'still-2'].map((stem) => steady(stem, { asked: 'nothing' })),
    ...['keep-1', 'keep-2'].map((stem) => steady(stem, { asked: 'verbs' })),
    ...['come-1', 'come-2'].map((stem) => steady(stem, { asked: 'everything' })),
    ...['1', '2', '3'].flatMap((instance) => [
      steady(`apart@${instance}`, {
        apart: 'apart',
        fleet: `Conflicts=${namePrefix}apart@*.service`,
      }),
      steady(`side@${instance}`, {
        follows: `${namePrefix}apart@${instance}.service`,
        fleet: `MachineOf=${namePrefix}apart@%i.service`,
      }),
    ]),
    steady('everywhere', { kind: 'everywhere', fleet: 'Global=true', asked: 'verbs' }),
    ...[2, machineIds.length].map((machine) => pinned(machine, machineIds[machine - 1] ?? '')),
    steady('blue', {
      fleet: `MachineMetadata=${movingKey}=${movingValue}`,
      only: { type: 'metadata', key: movingKey, value: movingValue },
    }),
    service('restless', {
      kind: 'restless',
      asked: 'verbs',
      body: `Restart=always\nRestartSec=500ms\n${program(`sleep 4; ${uptime}; ${note('end')}`)}`,
    }),
    service('once', {
      kind: 'once',
      asked: 'verbs',
      body: `Type=oneshot\n${program(`sleep 1; ${uptime}; ${note('end')}`)}`,
    }),
    {
      ...service('tick', { kind: 'timer' }),
      name: `${namePrefix}tick.timer`,
      file: '[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=5s\nAccuracySec=100ms\n',
    },
    {
      ...service('tick', {
        kind: 'started',
        follows: `${namePrefix}tick.timer`,
        body: `Type=oneshot\n${program(`${uptime}; ${note('end')}`)}`,
        fleet: `MachineOf=${namePrefix}tick.timer`,
      }),
      desiredState: 'loaded',
    },
    ...['lone-1', 'lone-2', 'lone-3'].map((stem) =>
      steady(stem, { kind: 'exclusive', fleet: 'OnPartition=stop', asked: 'verbs' }),
    ),
  ];
}

type Traits = Partial<Pick<CastUnit, 'kind' | 'asked' | 'follows' | 'apart' | 'only'>> & {
  /** Of the section [Service]. */
  readonly body?: string;
  /** Of the section [X-Fleet]. */
  readonly fleet?: string;
};

function steady(stem: string, traits: Traits): CastUnit {
  return service(stem, { body: steadyProgram, ...traits });
}

function pinned(machine: number, id: string): CastUnit {
  return steady(`pinned-${machine}`, {
    kind: 'pinned',
    only: { type: 'machine', machine },
    fleet: `MachineID=${id}`,
  });
}

function service(stem: string, { body = '', fleet, ...traits }: Traits): CastUnit {
  const section = fleet === undefined ? '' : `[X-Fleet]\n${fleet}\n`;
  return {
    name: `${namePrefix}${stem}.service`,
    file: `[Service]\n${body}\n${section}`,
    kind: 'steady',
    desiredState: 'launched',
    asked: 'nothing',
    follows: null,
    apart: null,
    only: null,
    ...traits,
  };
}

/** A program that notes its beginning first. In unit files `$` is `$$` and `%` is `%%`. */
function program(rest: string): string {
  return `ExecStart=/bin/sh -c '${uptime}; ${note('begin')}; ${rest}'`;
}

function note(what: 'begin' | 'end'): string {
  return `echo "${what} %n $$$$ $$now" >>${programLog}`;
}
