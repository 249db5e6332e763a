import { escapeSpecifiers, guardName } from './bound-file.ts';

/**
 * The guard of units with OnPartition=stop, in POSIX sh: it has to work when musterd hangs, is gone
 * or cannot be started. Units that are bound to it are stopped by systemd when it ends.
 *
 * `lease` holds two times of the boot clock (/proc/uptime, which counts suspend) in hundredths of a
 * second: when to end, and when to kill what has not ended by then. Whoever has a lease writes it
 * anew before that.
 */
export const guardScript = `# $1: check, watch or end. $2: musterd's directory. The rest: systemctl of this manager.
verb=$1 directory=$2
shift 2
systemctl=$*
set -f
PATH=$PATH:/usr/bin:/bin:/run/current-system/sw/bin

read_lease() {
  stop=0 kill=0
  if [ -r "$directory/lease" ]; then read -r stop kill <"$directory/lease"; fi
}

# Whether the time $1 has come. Sets left.
is_past() {
  read -r up _ </proc/uptime
  up=\${up%.*}\${up#*.}
  left=$(($1 - \${up#\${up%%[!0]*}}))
  [ "$left" -le 0 ]
}

# Until left is over, but no longer than a second: the lease may be renewed meanwhile, and a sleep
# does not count suspend.
nap() {
  if [ "$left" -ge 100 ]; then sleep 1; else sleep "0.$((left / 10))$((left % 10))"; fi
}

# Prints the units that end with this one and are in one of the states $1. Fails when systemd does
# not say.
bound_in() {
  states=$1
  listed=$($systemctl show --property=BoundBy --value ${guardName}) || return 1
  # Names are quoted, for a shell.
  eval "set -- $listed"
  [ $# -gt 0 ] || return 0
  bound=" $* "
  # To show them one by one takes systemd 3 ms for each.
  loaded=$($systemctl list-units --all --plain --no-legend --full --no-pager) || return 1
  printf '%s\\n' "$loaded" | while read -r unit _ state _; do
    case " $states " in *" $state "*) ;; *) continue ;; esac
    case $bound in *" $unit "*) printf '%s\\n' "$unit" ;; esac
  done
}

case $verb in
  check)
    read_lease
    if is_past "$stop"; then
      echo 'This machine has no lease now: units with OnPartition=stop are not started.'
      exit 1
    fi
    ;;
  watch)
    while read_lease && ! is_past "$stop"; do nap; done
    echo 'The lease of this machine has not been renewed: units with OnPartition=stop are stopped.'
    bound_in 'active activating reloading refreshing' | while read -r unit; do
      printf '' >"$directory/fenced/$unit"
    done
    ;;
  end)
    units='' failures=0
    while :; do
      # No answer does not mean that nothing is up.
      if answer=$(bound_in 'active activating reloading refreshing deactivating'); then
        units=$answer failures=0
        [ -n "$units" ] || exit 0
      else
        failures=$((failures + 1))
        # A machine that shuts down does not wait for a systemd that never answers.
        [ "$failures" -lt 100 ] || exit 1
      fi
      read_lease
      if is_past "$kill"; then
        left=10
        if [ -n "$units" ]; then
          printf 'Killed, for it has not ended in time: %s\\n' $units
          $systemctl kill --signal=KILL -- $units
        fi
      fi
      nap
    done
    ;;
esac
`;

/** @param systemctl - the words that call it */
export function guardUnit(directory: string, systemctl: readonly string[]): string {
  const run = (verb: string): string =>
    [
      '/bin/sh',
      quote(`${directory}/lease-guard`),
      verb,
      quote(directory),
      ...systemctl.map(quote),
    ].join(' ');
  return `# Written by muster: units with OnPartition=stop end with this one.
[Unit]
Description=muster: stops units with OnPartition=stop when this machine has lost its lease
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
StartLimitIntervalSec=0

[Service]
ExecStartPre=${run('check')}
ExecStart=${run('watch')}
ExecStopPost=${run('end')}
TimeoutStopSec=infinity
OOMScoreAdjust=-1000
`;
}

/** As systemd reads a word of a command line. */
function quote(word: string): string {
  const escaped = escapeSpecifiers(word).replaceAll(/[\\"]/g, '\\$&').replaceAll('$', '$$$$');
  return `"${escaped}"`;
}
