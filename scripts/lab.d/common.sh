# Names, messages, the lock, and records of processes.
# shellcheck shell=bash disable=SC2034

# Everything of a lab derives from its name.
lab_names() {
  lab_name_is_good "$1"
  NAME=$1
  RUN=/run/muster-lab/$NAME      # a tmpfs of the lab: settings, overlays, sockets
  DATA=/var/tmp/muster-lab/$NAME # on disk, so that etcd's fsync costs what it costs
  CGROUP=muster-lab-$NAME        # below every mounted hierarchy
  LOCK=/run/muster-lab.$NAME.lock
  lab_inside "$NAME"
}

lab_name_is_good() {
  [[ $1 =~ ^[a-z][a-z0-9-]{0,19}$ ]] ||
    die "bad lab name '$1': 1 to 20 of a-z, 0-9 and -, beginning with a letter"
}

# What is seen from inside: host names, machine ids and addresses derive from $1. Labs have networks of
# their own, so two that look alike do not meet.
lab_inside() {
  local sum _
  lab_name_is_good "$1"
  INSIDE=$1
  read -r sum _ < <(printf %s "$INSIDE" | cksum)
  SUBNET=10.$((sum % 250 + 1)).0
}

machine_address() { printf '%s.%d' "$SUBNET" $((10 + $1)); }
etcd_address() { printf '%s.%d' "$SUBNET" $((1 + $1)); }

say() { printf 'lab %s: %s\n' "$NAME" "$*"; }
warn() { say "$@" >&2; }
die() {
  printf 'lab%s: %s\n' "${NAME:+ $NAME}" "$*" >&2
  exit 1
}

# Milliseconds of a clock; only differences mean something.
now_ms() {
  local t=${EPOCHREALTIME/[.,]/}
  printf '%d' $((t / 1000))
}
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%02d s' $((ms / 1000)) $((ms % 1000 / 10))
}

# One `up` or `down` of a name at a time. The file is removed by `down`, hence the second look.
lock() {
  while :; do
    exec 9>"$LOCK"
    if ! flock -n 9; then
      warn 'another up or down of this lab is at work; waiting for it'
      flock -w 300 9 || die 'waited 300 s for another up or down of this lab'
    fi
    if [[ $LOCK -ef /proc/self/fd/9 ]]; then return; fi
  done
}

# The lines of proc_pid_mountinfo(5). Whoever reads line by line steps back in the file after each, and
# would miss some while other labs mount and unmount.
mount_lines() { cat /proc/self/mountinfo; }

# Fields after the command's name in /proc/PID/stat; state is the first.
proc_stat() {
  local line
  { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  printf '%s' "${line##*) }"
}

# PID → a record that a later process with the same pid does not match.
proc_record() {
  local -a stat
  read -ra stat < <(proc_stat "$1") || [[ ${#stat[@]} -gt 19 ]] || return 1
  printf '%s %s\n' "$1" "${stat[19]}"
}

# The pid that FILE records, if that very process is still alive; nothing and 1 otherwise.
recorded_pid() {
  local pid start
  { read -r pid start <"$1"; } 2>/dev/null || return 1
  local -a stat
  read -ra stat < <(proc_stat "$pid") || [[ ${#stat[@]} -gt 19 ]] || return 1
  [[ ${stat[0]} != Z && ${stat[19]} == "$start" ]] || return 1
  printf '%s' "$pid"
}

# until_true MS CMD…: 0 as soon as CMD succeeds, 1 after MS milliseconds.
until_true() {
  local end=$(($(now_ms) + $1))
  shift
  until "$@"; do
    (($(now_ms) < end)) || return 1
    sleep 0.02
  done
}

# Settings of a lab that stands: COUNT, ETCD_COUNT, MUSTERD, DIST, NODE.
lab_stands() { [[ -e $RUN/complete ]]; }
settings() {
  [[ -e $RUN/settings ]] || die "there is no such lab; scripts/lab --name $NAME up N makes one"
  # shellcheck source=/dev/null
  . "$RUN/settings"
}

# Checks that $1 is the number of a machine of this lab; sets I and M (its directory).
machine_number() {
  settings
  if ! [[ ${1:-} =~ ^[1-9][0-9]{0,2}$ ]] || (($1 > COUNT)); then
    die "no machine '${1:-}': this lab has machines 1 to $COUNT"
  fi
  I=$1
  M=$RUN/m$1
}
