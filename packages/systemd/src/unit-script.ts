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
  /** What systemd does when it fails; null: nothing. */
  readonly restart?: RestartScript | null;
}

export interface RestartScript {
  readonly delayMs: number;
  /** It is not restarted more often than this. */
  readonly burst: number;
}

/** systemd's own status for a program that cannot be executed. */
const execFailed = 203;

/**
 * Understands of a unit file what tests need: Type=oneshot, RemainAfterExit=, Requires=,
 * ConditionPathExists= (of anything but `/`: not met), Restart= (after failures), RestartSec= in
 * seconds, StartLimitBurst= (however long it takes), StartLimitIntervalSec=0, `sleep N` as ExecStop=,
 * and as ExecStart= true, false, `sleep N` and a path below /nonexistent. Any other program runs for
 * ever, or ends well in a oneshot.
 */
export function scriptOf(text: string): Required<UnitScript> {
  const values = (key: string): readonly string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => (match[1] ?? '').trim());
  const last = (key: string): string => values(key).at(-1) ?? '';
  const type = last('Type');
  const isOneshot = type === 'oneshot';
  const exec = last('ExecStart');
  const seconds = secondsOf(exec);
  const exitCode = exitOf(exec);
  return {
    startMs: isOneshot ? seconds * 1_000 : 0,
    stopMs: secondsOf(last('ExecStop')) * 1_000,
    exitCode: exitCode ?? (isOneshot ? 0 : null),
    isOneshot: isOneshot || (type === 'exec' && exitCode === execFailed),
    remainsAfterExit: ['yes', 'true', '1', 'on'].includes(last('RemainAfterExit')),
    isConditionMet: values('ConditionPathExists').every((path) => path === '/'),
    requires: values('Requires').flatMap((names) => names.split(/\s+/).filter(Boolean)),
    restart: ['always', 'on-failure'].includes(last('Restart'))
      ? {
          delayMs: Number(last('RestartSec') || '0.1') * 1_000,
          burst:
            last('StartLimitIntervalSec') === '0' ? Infinity : Number(last('StartLimitBurst') || 5),
        }
      : null,
  };
}

function secondsOf(exec: string): number {
  return Number(/sleep ([0-9.]+)$/.exec(exec)?.[1] ?? 0);
}

function exitOf(exec: string): number | null {
  const program = exec.replace(/^[-+!@:]+/, '').split(/\s/)[0] ?? '';
  if (program.startsWith('/nonexistent')) return execFailed;
  if (program.endsWith('/false')) return 1;
  return program.endsWith('/true') ? 0 : null;
}
