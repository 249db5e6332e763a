import { isatty } from 'node:tty';

/**
 * SIGHUP has two meanings: somebody asks to read the configuration anew, and the terminal that
 * musterd was started from was closed. Then it ends musterd at once, as it does without a handler:
 * nothing in order can be expected of a process whose standard output is gone.
 */
export function onReloadSignal(reload: () => void): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  // The kernel answers every question about a terminal that is gone with an error.
  const isTerminalGone = (): boolean => terminals.some((fd) => !isatty(fd));
  const onSignal = (): void => {
    if (!isTerminalGone()) return reload();
    process.off('SIGHUP', onSignal);
    process.kill(process.pid, 'SIGHUP');
  };
  process.on('SIGHUP', onSignal);
}
