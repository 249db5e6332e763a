/** How the main process of a service last ended, as systemd's ExecMainCode and ExecMainStatus say. */
export interface ProcessExit {
  readonly code: (typeof exitCodes)[number];
  /** The exit status, or the number of the signal. */
  readonly status: number;
}

/** `killed` by a signal; `dumped`: the same, with a core dump. */
export const exitCodes = ['exited', 'killed', 'dumped'] as const;

/** @see systemd.exec(5), "Process Exit Codes" */
const statusNames: ReadonlyMap<number, string> = new Map([
  [0, 'SUCCESS'],
  [1, 'FAILURE'],
  ...numbered(2, 'INVALIDARGUMENT NOTIMPLEMENTED NOPERMISSION NOTINSTALLED NOTCONFIGURED'),
  [7, 'NOTRUNNING'],
  ...numbered(64, 'USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE'),
  ...numbered(73, 'CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG'),
  ...numbered(200, 'CHDIR NICE FDS EXEC MEMORY LIMITS OOM_ADJUST SIGNAL_MASK STDIN STDOUT'),
  ...numbered(210, 'CHROOT IOPRIO TIMERSLACK SECUREBITS SETSCHEDULER CPUAFFINITY GROUP USER'),
  ...numbered(218, 'CAPABILITIES CGROUP SETSID CONFIRM STDERR'),
  ...numbered(224, 'PAM NETWORK NAMESPACE NO_NEW_PRIVILEGES SECCOMP SELINUX_CONTEXT PERSONALITY'),
  ...numbered(231, 'APPARMOR ADDRESS_FAMILIES RUNTIME_DIRECTORY'),
  ...numbered(235, 'CHOWN SMACK_PROCESS_LABEL KEYRING STATE_DIRECTORY CACHE_DIRECTORY'),
  ...numbered(240, 'LOGS_DIRECTORY CONFIGURATION_DIRECTORY NUMA_POLICY CREDENTIALS BPF'),
  [255, 'EXCEPTION'],
]);

/** Of Linux, from 1. @see signal(7) */
const signalNames =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );
const firstRealTime = 34;

function numbered(first: number, names: string): (readonly [number, string])[] {
  return names.split(' ').map((name, i) => [first + i, name] as const);
}

/** As systemctl(1) names it: `203/EXEC`, `1/FAILURE`, `42`, `killed/SEGV`, `dumped/ABRT`. */
export function exitText({ code, status }: ProcessExit): string {
  if (code !== 'exited') return `${code}/${signalName(status)}`;
  const name = statusNames.get(status);
  return name === undefined ? String(status) : `${status}/${name}`;
}

function signalName(signal: number): string {
  if (signal >= firstRealTime) return `RTMIN+${signal - firstRealTime}`;
  return signalNames[signal - 1] ?? String(signal);
}

/** Results that the exit status says better. */
const plainResults: readonly string[] = ['exit-code', 'signal', 'core-dump'];

/** What went wrong, in short: `203/EXEC`, `start-limit-hit, 1/FAILURE`, `timeout`, `dependency`. */
export function failureText(result: string, exit: ProcessExit | null): string {
  if (exit === null || (exit.code === 'exited' && exit.status === 0)) return result;
  return plainResults.includes(result) ? exitText(exit) : `${result}, ${exitText(exit)}`;
}
