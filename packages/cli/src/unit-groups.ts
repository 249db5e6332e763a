import type { StatesBody, UnitBody } from '@muster/api/client';
import { parseUnitName, templateOf } from '@muster/core';
import type { Columns } from './list.ts';
import type { Cell } from './table.ts';

/**
 * The instances of a template, or a unit that is none by itself. Counts are of units; one that is
 * wanted is in just one of `active`, `failed`, `pending` and `other`, but for one that failed on one
 * machine and waits for another.
 */
export interface UnitGroup {
  readonly group: string;
  /** To be loaded or launched. */
  readonly wanted: number;
  /** Every machine that has it says that it is active. */
  readonly active: number;
  /** Some machine says that it has failed. */
  readonly failed: number;
  /** No machine that is there has it. */
  readonly pending: number;
  readonly other: number;
  /** To be inactive. */
  readonly inactive: number;
  /** Ids of those on which active ones are. */
  readonly machines: readonly string[];
  /** Why one of them is pending, else what is wrong with one that failed; null: nothing is known. */
  readonly failure: string | null;
}

type Look = Pick<StatesBody, 'states' | 'pending'>;

/** What of everything that there is belongs to one group. */
interface Members {
  readonly units: UnitBody[];
  readonly states: Look['states'][number][];
  readonly pending: Look['pending'][number][];
}

/** The name of the group that a unit is in: that of its template, or its own. */
export function groupNameOf(unit: string): string {
  return templateOf(unit) ?? unit;
}

/** All groups by name; templates themselves are in none. */
export function groupsOf(
  units: readonly UnitBody[],
  { states, pending }: Look,
): ReadonlyMap<string, UnitGroup> {
  const members = new Map<string, Members>();
  const membersOf = (unit: string): Members => {
    const name = groupNameOf(unit);
    const known = members.get(name) ?? { units: [], states: [], pending: [] };
    members.set(name, known);
    return known;
  };
  for (const unit of units) {
    if (!parseUnitName(unit.name).isTemplate) membersOf(unit.name).units.push(unit);
  }
  for (const state of states) membersOf(state.unit).states.push(state);
  for (const each of pending) membersOf(each.unit).pending.push(each);
  const names = [...members.keys()].sort();
  return new Map(names.map((name) => [name, summary(name, members.get(name))]));
}

/** One of which nothing is known, or left. */
export function emptyGroup(group: string): UnitGroup {
  return summary(group, undefined);
}

function summary(group: string, members: Members | undefined): UnitGroup {
  const { units, states, pending } = members ?? { units: [], states: [], pending: [] };
  const wanted = new Set(
    units.filter(({ desiredState }) => desiredState !== 'inactive').map(({ name }) => name),
  );
  const own = states.filter(({ unit, isCurrent }) => isCurrent && wanted.has(unit));
  const broken = own.filter(({ activeState }) => activeState === 'failed');
  const failed = namesOf(broken);
  const down = namesOf(own.filter(({ activeState }) => activeState !== 'active'));
  const up = own.filter(({ unit }) => !down.has(unit));
  const active = namesOf(up).size;
  const waiting = pending.filter(({ unit }) => wanted.has(unit));
  return {
    group,
    wanted: wanted.size,
    active,
    failed: failed.size,
    pending: waiting.length,
    other: Math.max(0, wanted.size - active - failed.size - waiting.length),
    inactive: units.length - wanted.size,
    machines: [...new Set(up.map(({ machine }) => machine))].sort(),
    failure: waiting[0]?.reason ?? broken.find(({ failure }) => failure !== null)?.failure ?? null,
  };
}

function namesOf(states: readonly { readonly unit: string }[]): Set<string> {
  return new Set(states.map(({ unit }) => unit));
}

/**
 * The instances of a template in one line; an instance is active when every machine that has it says so.
 * `web@.service: 3 of 5 instances are active, on 3 machines; 1 failed; 1 pending (no machine can take it)`
 */
export function templateLine(
  template: string,
  units: readonly UnitBody[],
  look: Look,
): { readonly text: string; readonly areAllActive: boolean } {
  const group = groupsOf(units, look).get(template) ?? emptyGroup(template);
  const { wanted, active, failed, pending, other, inactive, machines, failure } = group;
  const count = machines.length;
  const where = active === 0 ? '' : `, on ${count} ${count === 1 ? 'machine' : 'machines'}`;
  const parts = [
    `${active} of ${wanted} instances are active${where}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(pending === 0 ? [] : [`${pending} pending (${failure ?? ''})`]),
    ...(other === 0 ? [] : [`${other} not active`]),
    ...(inactive === 0 ? [] : [`${inactive} inactive as asked`]),
  ];
  return { text: `${template}: ${parts.join('; ')}`, areAllActive: active === wanted };
}

/** @param showsFailures - whether the usual columns say what is wrong */
export function groupColumns(
  machineOf: (id: string) => string,
  showsFailures: boolean,
): Columns<UnitGroup> {
  const counts = ['wanted', 'active', 'failed', 'pending', 'machines'];
  return {
    cells: {
      group: ({ group }) => group,
      wanted: ({ wanted }) => String(wanted),
      active: ({ active, wanted }) => coloured(active, active < wanted ? 'yellow' : 'green'),
      failed: ({ failed }) => coloured(failed, 'red'),
      pending: ({ pending }) => coloured(pending, 'yellow'),
      other: ({ other }) => coloured(other, 'yellow'),
      inactive: ({ inactive }) => String(inactive),
      machines: ({ machines }) => String(machines.length),
      places: ({ machines }) => machines.map(machineOf).join(',') || '-',
      failure: ({ failure }) => failure ?? '-',
    },
    normal: ['group', ...counts, ...(showsFailures ? ['failure'] : [])],
    wide: ['group', ...counts, 'other', 'inactive', 'places', 'failure'],
    nameOf: ({ group }) => group,
  };
}

function coloured(count: number, colour: 'green' | 'yellow' | 'red'): Cell {
  return count === 0 ? '0' : { text: String(count), colour };
}
