import type { AbsentMachineBody, BrakeBody, UnitBody } from '@muster/api/client';

/** How many units of a machine are named. */
const namedUnits = 10;

/** What `musterctl brake` says. */
export function brakeLines(brake: BrakeBody, absent: readonly AbsentMachineBody[]): string[] {
  const since = brake.since === null ? '' : ` since ${new Date(brake.since).toISOString()}`;
  const reason = brake.reason === null ? '' : `, ${brake.reason}`;
  const head = brake.isOn
    ? `The brake is on${since}${reason}: units of absent machines stay where they are.`
    : `The brake is off${since}${reason}.`;
  return [head, ...absent.map((machine) => `  ${absentLine(machine)}`), ...wayOut(brake)];
}

/** What status adds about machines that are not there. */
export function absentLines(brake: BrakeBody, absent: readonly AbsentMachineBody[]): string[] {
  const [head = '', ...rest] = brakeLines(brake, absent);
  if (brake.isOn) return [`  ${head}`, ...rest.map((line) => `  ${line}`)];
  if (absent.length === 0) return [];
  return ['  Machines that are absent:', ...rest.map((line) => `  ${line}`)];
}

function wayOut({ isOn }: BrakeBody): string[] {
  if (!isOn) return [];
  return [
    '  It goes off when enough of them are back. If they are lost, "musterctl brake release" places their units elsewhere.',
  ];
}

function absentLine({ id, units, isHeldBack, loss }: AbsentMachineBody): string {
  const said = loss?.isForgotten === true ? 'is to be forgotten' : 'accepted as lost';
  return [
    `${id}: ${countOf(units)}`,
    ...(isHeldBack ? ['held back'] : []),
    ...(loss === null ? [] : [`${said} by ${loss.origin.by}`]),
  ].join(', ');
}

/** What a machine holds that is to be given up. */
export function lossLines(
  id: string,
  units: readonly Pick<UnitBody, 'name' | 'isGlobal'>[],
): string[] {
  const named = units.slice(0, namedUnits).map(({ name, isGlobal }) => {
    return `  ${name}${isGlobal ? ' (global)' : ''}`;
  });
  const more = units.length - named.length;
  return [
    `Machine ${id} has ${countOf(units.length)}${units.length === 0 ? '.' : ':'}`,
    ...named,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function countOf(units: number): string {
  if (units === 0) return 'no units';
  return units === 1 ? '1 unit' : `${units} units`;
}
