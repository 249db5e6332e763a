# One machine: a supervisor that mounts its disk and keeps systemd-nspawn running over reboots.
# shellcheck shell=bash

# nspawn ends with this when the machine's init asks for a reboot under --keep-unit.
EXIT_REBOOT=133

machine_start() {
  rm -f "$M/exit"
  (
    exec 9>&- </dev/null >>"$M/log" 2>&1
    cd /
    exec env -i PATH="$PATH" setsid unshare --mount --propagation private \
      "$LAB_SCRIPT" --name "$NAME" supervise "$I"
  ) &
  proc_record $! >"$M/supervisor" || true
  disown # its end is nothing to report
}

# The supervisor. Its mount namespace holds the machine's disk and dies with it.
verb_supervise() {
  local status=0 other
  machine_number "$1"
  cgroup_enter supervisors
  # What another lab has mounted would otherwise stay alive in this namespace after its `down`.
  for other in /run/muster-lab/*; do
    if [[ $other != "$RUN" ]] && mountpoint -q "$other"; then umount -R -l "$other"; fi
  done
  machine_mount
  # nspawn leaves directories here; let them go with this namespace.
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
  while :; do
    # What a boot left behind must not meet the next: processes, cgroups, stale sockets.
    cgroup_remove "m$I"
    find "$M/api" -mindepth 1 -delete
    cgroup_make "m$I"
    port_make "$M/net" "m$I" "$(machine_address "$I")"
    machine_boot && status=0 || status=$?
    printf '%(%T)T nspawn ended with %d\n' -1 "$status"
    ((status == EXIT_REBOOT)) || break
  done
  cgroup_remove "m$I"
  printf '%d\n' "$status" >"$M/exit"
}

machine_mount() {
  local fresh=0 dir
  if [[ ! -d $M/upper ]]; then
    fresh=1
    mkdir "$M/upper" "$M/work"
    hide_host
  fi
  mount -t overlay overlay -o "lowerdir=/,upperdir=$M/upper,workdir=$M/work" "$M/root"
  # Parts of this system that are file systems of their own are not in the overlay of /.
  for dir in usr var opt; do
    mountpoint -q "/$dir" || continue
    mkdir -p "$M/upper.$dir" "$M/work.$dir"
    mount -t overlay overlay \
      -o "lowerdir=/$dir,upperdir=$M/upper.$dir,workdir=$M/work.$dir" "$M/root/$dir"
  done
  if ((fresh)); then fill_machine "$M/root"; fi
}

machine_boot() {
  local binds=(--bind-ro="$DIST:/opt/muster" --bind="$M/api:/run/muster-api")
  if [[ $NODE != "$NODE_INSIDE" ]]; then binds+=(--bind-ro="$NODE:$NODE_INSIDE"); fi
  (
    cgroup_enter "m$I"
    proc_record "$BASHPID" >"$M/nspawn"
    exec env -i PATH="$PATH" SYSTEMD_NSPAWN_LOCK=0 systemd-nspawn --quiet --boot \
      --directory="$M/root" --machine="$NAME-$I" --keep-unit --register=no --settings=no \
      --network-namespace-path="$M/net" --resolv-conf=off --timezone=off --link-journal=no \
      --console=read-only "${binds[@]}"
  )
}

# The machine's init, as this system numbers it; 1 when there is none yet or any more.
machine_leader() {
  local nspawn child status
  local -a children
  nspawn=$(recorded_pid "$RUN/m$1/nspawn") || return 1
  { read -ra children <"/proc/$nspawn/task/$nspawn/children"; } 2>/dev/null || true
  for child in ${children[@]+"${children[@]}"}; do
    # In one piece: read line by line it would be read anew from where a line ended, and lengths change.
    { status=$(<"/proc/$child/status"); } 2>/dev/null || continue
    [[ $status =~ $'\n'NSpid:[[:space:]]+${child}[[:space:]]1$'\n' ]] || continue
    printf '%s' "$child"
    return
  done
  return 1
}

# Sets STATE to off, booting or running, and LEADER where there is one.
# shellcheck disable=SC2034
machine_state() {
  LEADER=''
  if LEADER=$(machine_leader "$1"); then
    STATE=booting
    if [[ -S /proc/$LEADER/root/run/dbus/system_bus_socket ]]; then STATE=running; fi
  elif recorded_pid "$RUN/m$1/supervisor" >/dev/null; then
    STATE=booting
  else
    STATE=off
  fi
}

# Whether systemd of machine I answers on its system bus.
machine_answers() {
  local bus
  LEADER=$(machine_leader "$1") || return 1
  bus=/proc/$LEADER/root/run/dbus/system_bus_socket
  [[ -S $bus ]] && timeout 5 busctl --address="unix:path=$bus" call org.freedesktop.systemd1 \
    /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping >/dev/null 2>&1
}

machine_off() { ! recorded_pid "$RUN/m$1/supervisor" >/dev/null; }
