/** How a unit of the fake behaves. Whatever is absent is taken from its unit file. */
export interface UnitScript {
  /** How long a start job takes. For a oneshot: how long it runs. */
  readonly startMs?: number;
  readonly stopMs?: number;
  /** Of the main process, when it ends by itself; null: it stays. */
  readonly exitCode?: number | null;
  readonly isOneshot?: boolean;
  readonly remainsAfterExit?: boolean;
  /** false: a Condition…= does not hold. */
  readonly isConditionMet?: boolean;
  /** Units that have to be started before. */
  readonly requires?: readonly string[];
}

/** systemd's own status for a program that cannot be executed. */
const execFailed = 203;

/**
 * Understands of a unit file what tests need: Type=oneshot, RemainAfterExit=, Requires=,
 * ConditionPathExists= (of anything but `/`: not met), and as ExecStart= true, false, `sleep N`
 * and a path below /nonexistent. Any other program runs for ever, or ends well in a oneshot.
 */
export function scriptOf(text: string): Required<UnitScript> {
  const values = (key: string): readonly string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => (match[1] ?? '').trim());
  const last = (key: string): string => values(key).at(-1) ?? '';
  const type = last('Type');
  const isOneshot = type === 'oneshot';
  const exec = last('ExecStart');
  const seconds = /sleep ([0-9.]+)$/.exec(exec)?.[1];
  const exitCode = exitOf(exec);
  return {
    startMs: isOneshot && seconds !== undefined ? Number(seconds) * 1_000 : 0,
    stopMs: 0,
    exitCode: exitCode ?? (isOneshot ? 0 : null),
    isOneshot: isOneshot || (type === 'exec' && exitCode === execFailed),
    remainsAfterExit: ['yes', 'true', '1', 'on'].includes(last('RemainAfterExit')),
    isConditionMet: values('ConditionPathExists').every((path) => path === '/'),
    requires: values('Requires').flatMap((names) => names.split(/\s+/).filter(Boolean)),
  };
}

function exitOf(exec: string): number | null {
  const program = exec.replace(/^[-+!@:]+/, '').split(/\s/)[0] ?? '';
  if (program.startsWith('/nonexistent')) return execFailed;
  if (program.endsWith('/false')) return 1;
  return program.endsWith('/true') ? 0 : null;
}
