# What `scripts/up` and `scripts/down` share: the example cluster and its units.
# shellcheck shell=bash

LAB=${LAB_NAME:-muster}
export LAB_NAME=$LAB
USER_UNIT=muster-dev
SYSTEMD_PATH=/usr/local/bin:/usr/bin:/bin
USER_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/muster-dev
USER_RUNTIME=${XDG_RUNTIME_DIR:-/run/user/$EUID}/muster

say() { printf '%s\n' "$*"; }
die() { printf 'up: %s\n' "$*" >&2 && exit 1; }

# no_arguments COMMAND WHAT [ARGUMENT...]: with an argument it only says what the command does.
no_arguments() {
  local command=$1 what=$2
  shift 2
  (($#)) || return 0
  say "usage: npm run $command    $what; takes no arguments"
  if [[ $1 == --help || $1 == -h ]]; then exit; fi
  exit 2
}
ctl() { scripts/musterctl "$@"; }

lab_is_there() { [[ $(scripts/lab --name "$LAB" status --json) == *'"stands":true'* ]]; }

lab_start() { scripts/lab --name "$LAB" up "$MACHINES"; }

# wait_until SECONDS WHAT CMD: CMD prints how far it is and returns 0 when there is nothing left.
wait_until() {
  local end=$((SECONDS + $1)) seen='' last=''
  while :; do
    if seen=$("$3" 2>&1); then
      say "  $seen"
      return
    fi
    if [[ $seen != "$last" ]]; then say "  $seen"; fi
    last=$seen
    ((SECONDS < end)) || die "waited $1 s for $2; the last thing seen: $seen"
    sleep 0.2
  done
}

machines_listed() {
  local rows
  rows=$(ctl list-machines --no-legend) || { printf '%s' "${rows:-no answer yet}" && return 1; }
  printf '%d of %d machines' "$(grep -c . <<<"$rows")" "$MACHINES"
  (($(grep -c . <<<"$rows") == MACHINES))
}

# Sorts units/ into SUBMIT (templates), LOAD (a service that its timer, socket or path starts) and
# START (everything else, and every template once a machine). Fills three arrays.
sort_units() {
  local file name stem i
  SUBMIT=() LOAD=() START=()
  for file in units/*.*; do
    name=${file##*/} stem=${name%.*}
    case $name in
      *@.*)
        SUBMIT+=("$file")
        for ((i = 1; i <= MACHINES; i++)); do START+=("$stem$i.${name##*.}"); done
        ;;
      *.service)
        if [[ -e units/$stem.timer || -e units/$stem.socket || -e units/$stem.path ]]; then
          LOAD+=("$file")
        else
          START+=("$file")
        fi
        ;;
      *.timer | *.socket | *.path | *.mount) START+=("$file") ;;
    esac
  done
  ((${#START[@]})) || die 'there is nothing to start in units/'
}

submit_units() {
  sort_units
  say "submitting and starting ${#START[@]} units of units/"
  if ((${#SUBMIT[@]})); then ctl submit "${SUBMIT[@]}" >/dev/null; fi
  if ((${#LOAD[@]})); then ctl load --no-block "${LOAD[@]}" >/dev/null; fi
  ctl start --no-block "${START[@]}" >/dev/null
}

units_active() {
  local rows unit active name
  local -A state=()
  local -a waiting=()
  rows=$(ctl list-units --no-legend --fields=unit,active) || { printf '%s' "$rows" && return 1; }
  while read -r unit active; do
    if [[ -z $unit ]]; then continue; fi
    # A global unit has a row for each machine; one that is not active counts for all.
    if [[ -z ${state[$unit]:-} || ${state[$unit]} == active ]]; then state[$unit]=$active; fi
  done <<<"$rows"
  for name in "${START[@]##*/}"; do
    if [[ ${state[$name]:-} != active ]]; then waiting+=("$name (${state[$name]:-not placed yet})"); fi
  done
  printf '%d of %d units active' $((${#START[@]} - ${#waiting[@]})) ${#START[@]}
  ((${#waiting[@]})) || return 0
  printf '; waiting for %s' "${waiting[0]}"
  if ((${#waiting[@]} > 1)); then printf ', %s' "${waiting[@]:1:3}"; fi
  if ((${#waiting[@]} > 4)); then printf ' and %d more' $((${#waiting[@]} - 4)); fi
  return 1
}

# Whether a run of this script got as far as submitting something.
units_are_there() { [[ -n $(ctl list-unit-files --no-legend) ]]; }

show() {
  printf '\n'
  ctl list-machines
  printf '\n'
  ctl list-units
}

# The number of the machine that most units are on: its last octet is that number and 10.
busiest_machine() {
  local most
  most=$(ctl list-units --no-legend --fields=machine | sort | uniq -c | sort -rn | sed -n '1s/.*\.//p')
  printf '%d' $((most - 10))
}

hints() {
  local lab=scripts/lab victim
  if [[ $LAB != muster ]]; then lab+=" --name $LAB"; fi
  printf '\nWhat to try next:\n'
  if ((EUID == 0)); then
    victim=$(busiest_machine)
    cat <<EOT
  $lab kill $victim
      power cut of the machine with the most units; within 10 s they run on the others, but for a
      web server: no two share a machine
  scripts/musterctl list-units
      where everything is now
  $lab boot $victim
      the machine comes back
  $lab sh 1
      a root shell in the first machine
EOT
  fi
  cat <<'EOT'
  scripts/musterctl status UNIT
  scripts/musterctl journal UNIT
      what systemd says of a unit, and its log, from whichever machine it is on
  scripts/musterctl --help
  npm run down
      takes all of it away
EOT
}

user_manager() { [[ -n ${XDG_RUNTIME_DIR:-} ]] && systemctl --user show --property=Version >/dev/null 2>&1; }
user_cluster_is_there() { systemctl --user --quiet is-active "$USER_UNIT.service"; }

user_cluster_start() {
  command -v etcd >/dev/null || die 'etcd is missing: apt-get install etcd-server (as root)'
  # units/ has `ExecStart=node`, which systemd looks for in directories of its own, not in PATH.
  PATH=$SYSTEMD_PATH command -v node >/dev/null ||
    die "systemd would not find node for the units of units/: it looks in $SYSTEMD_PATH, and node is $(command -v node); a link in /usr/local/bin helps"
  systemctl --user reset-failed "$USER_UNIT.service" 2>/dev/null || true
  say 'not root: starting a cluster of one machine in your systemd user manager'
  systemd-run --user --quiet --unit="$USER_UNIT" \
    --property=Type=notify --property=NotifyAccess=all \
    --setenv=PATH="$PATH" --setenv=MUSTER_MACHINE_METADATA=region=a,disk=ssd,rack=r1 --collect \
    "$(node -p process.execPath)" "$PWD/dist/musterd.cjs" --dev --user --state "$USER_STATE" ||
    die "musterd did not start; journalctl --user -u $USER_UNIT says why"
}

# musterd leaves units running when it stops, so they are destroyed first.
user_cluster_stop() {
  local units
  if user_manager && user_cluster_is_there; then
    mapfile -t units < <(ctl list-unit-files --no-legend --fields=unit)
    if ((${#units[@]})); then ctl destroy "${units[@]}" >/dev/null; fi
    systemctl --user stop "$USER_UNIT.service"
    rm -rf -- "$USER_RUNTIME"
    say 'the cluster of this user is gone'
  else
    say 'there was nothing to take away'
  fi
  rm -rf -- "$USER_STATE"
}
