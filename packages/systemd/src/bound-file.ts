import { createHash } from 'node:crypto';
import { UnitFileSyntaxError, parseRequirements, parseUnitFile } from '@muster/core';
import { unitType } from './unit-names.ts';

/** The unit that stops others when this machine has lost its lease: see LeaseGuard. */
export const guardName = 'muster-lease.service';

const additionBegins = '\n# Added by muster: it ends with the lease of this machine.\n';

/** Whether this unit must not run on a machine that has lost its lease. */
export function isBound(name: string, text: string): boolean {
  // Most units do not ask for it, and this spares them the parser.
  if (!text.includes('OnPartition')) return false;
  try {
    return parseRequirements(parseUnitFile(text), name).requirements.onPartition === 'stop';
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return false;
    throw error;
  }
}

/** What goes on disk after the marker: the text, with what ties a unit to the lease. */
export function composeFile(name: string, text: string, directory: string): string {
  if (!isBound(name, text)) return text;
  const lines = ['[Unit]', `BindsTo=${guardName}`, `After=${guardName}`];
  if (unitType(name) === 'service') {
    lines.push('[Service]', `EnvironmentFile=${escapeSpecifiers(epochPath(directory, name))}`);
  }
  return `${text}${additionBegins}${lines.join('\n')}\n`;
}

/** The text that `composeFile` may have made this of. */
export function textIn(composed: string): string {
  const end = composed.lastIndexOf(additionBegins);
  return end < 0 ? composed : composed.slice(0, end);
}

/** Whether a file on disk ties its unit to the lease. */
export function hasAddition(composed: string): boolean {
  return composed.includes(additionBegins);
}

/** Where a unit finds its MUSTER_EPOCH. Not by its name: systemd would take that for a pattern. */
export function epochPath(directory: string, name: string): string {
  return `${directory}/epoch/${createHash('sha1').update(name).digest('hex')}`;
}

export function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
