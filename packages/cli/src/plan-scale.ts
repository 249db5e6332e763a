import { parseUnitName } from '@muster/core';
import type { DesiredState } from '@muster/core';

/** What makes a template have so many instances. */
export interface ScalePlan {
  /** Instances that are to be launched and are not, the lowest first. */
  readonly start: readonly string[];
  /** Instances that are too many, the highest first. */
  readonly destroy: readonly string[];
}

/**
 * Instances are numbered from 1; others, such as `web@blue`, are left alone. Pure.
 * @param template - `web@.service`
 * @param count - 0 or more
 */
export function planScale(
  template: string,
  count: number,
  units: readonly { readonly name: string; readonly desiredState: DesiredState }[],
): ScalePlan {
  const { prefix, type } = parseUnitName(template);
  const nameOf = (n: number): string => `${prefix}@${n}.${type}`;
  const launched = new Set(
    units.filter(({ desiredState }) => desiredState === 'launched').map(({ name }) => name),
  );
  const wanted = Array.from({ length: count }, (_, i) => nameOf(i + 1));
  const surplus = units.flatMap(({ name }) => {
    const n = numberIn(name, { prefix, type });
    return n !== null && n > count ? [n] : [];
  });
  return {
    start: wanted.filter((name) => !launched.has(name)),
    destroy: surplus.sort((a, b) => b - a).map(nameOf),
  };
}

/** null: it is no instance of that template, or has no number. */
function numberIn(
  name: string,
  template: { readonly prefix: string; readonly type: string },
): number | null {
  const { prefix, type, instance } = parseUnitName(name);
  if (prefix !== template.prefix || type !== template.type || instance === null) return null;
  return /^[1-9]\d{0,8}$/.test(instance) ? Number(instance) : null;
}
