# What the lab can be told to do.
# shellcheck shell=bash

verb_check() {
  (($# == 0)) || die "check takes no argument, not '$1'"
  check_tools etcd:etcd-server
  check_kernel
}

verb_up() {
  local etcd_count=1 musterd=1 dist=$REPO/dist count='' i k t0 things=()
  MUSTERD_ENV=()
  while (($#)); do
    case $1 in
      --etcd) etcd_count=${2:-} && shift ;;
      --etcd=*) etcd_count=${1#*=} ;;
      --no-etcd) etcd_count=0 && musterd=0 ;;
      --no-musterd) musterd=0 ;;
      --env) MUSTERD_ENV+=("${2:-}") && shift ;;
      --as) lab_inside "${2:-}" && shift ;;
      --dist) dist=$(readlink -f -- "${2:-}") && shift ;;
      -*) die "unknown option '$1' of up (scripts/lab --help lists them)" ;;
      *) [[ -z $count ]] || die "up takes one number, not '$count' and '$1'" && count=$1 ;;
    esac
    shift || die 'the last option of up needs a value'
  done
  count=${count:-3}
  if ! [[ $count =~ ^[1-9][0-9]{0,2}$ ]] || ((count > 200)); then
    die "bad number of machines '$count' (1 to 200)"
  fi
  [[ $etcd_count =~ ^[0135]$ ]] || die "bad number of etcd members '$etcd_count' (1, 3 or 5)"
  t0=$(now_ms)
  lock
  if lab_stands; then
    up_again "$count"
    return
  fi
  check_tools
  if ((etcd_count)); then check_tools etcd:etcd-server; fi
  check_kernel
  if ((musterd)) && [[ ! -e $dist/musterd.cjs ]]; then
    die "$dist/musterd.cjs is missing: npm run build makes it (or use --no-musterd)"
  fi
  clear_away
  trap 'trap - INT TERM; warn "interrupted; taking it away"; clear_away; rm -f "$LOCK"; exit 130' INT TERM
  lay_out "$count" "$etcd_count" "$musterd" "$dist"
  settings
  for ((k = 1; k <= ETCD_COUNT; k++)); do
    etcd_start "$k"
    things+=("etcd$k")
  done
  for ((i = 1; i <= COUNT; i++)); do
    machine_number "$i"
    machine_start
    things+=("m$i")
  done
  wait_ready "$t0" "${things[@]}"
  : >"$RUN/complete"
  say "$COUNT machine$( ((COUNT == 1)) || echo s) up after $(seconds_since "$t0")"
}

up_again() {
  settings
  (($1 == COUNT)) ||
    die "it stands already with $COUNT machines; for $1: scripts/lab --name $NAME down, then up $1"
  say 'it stands already:'
  verb_status
}

# The lab's directories, cgroups, network and settings. What is in $RUN goes with one unmount.
lay_out() {
  local i node node_inside
  mkdir -p "$RUN" "$4"
  mount -t tmpfs -o mode=0755 muster-lab "$RUN"
  mkdir -p "$DATA"
  cgroup_make ''
  cgroup_make supervisors
  switch_make
  for ((i = 1; i <= $1; i++)); do mkdir -p "$RUN/m$i/root" "$RUN/m$i/api"; done
  node=$(check_node)
  node_inside=$node
  if [[ $node != /usr/* ]]; then node_inside=/usr/local/bin/node; fi
  {
    printf 'INSIDE=%q SUBNET=%q\n' "$INSIDE" "$SUBNET"
    printf 'COUNT=%q ETCD_COUNT=%q MUSTERD=%q DIST=%q NODE=%q NODE_INSIDE=%q\n' \
      "$1" "$2" "$3" "$4" "$node" "$node_inside"
    printf 'MUSTERD_ENV=('
    if ((${#MUSTERD_ENV[@]})); then printf '%q ' "${MUSTERD_ENV[@]}"; fi
    printf ')\n'
  } >"$RUN/settings"
}

verb_down() {
  (($# == 0)) || die "down takes no argument, not '$1'"
  lock
  local what='there was nothing to take away'
  if [[ -e $RUN || -e $DATA || -n $(cgroup_pids) ]]; then what='all of it is gone'; fi
  clear_away
  rm -f "$LOCK"
  say "$what"
}

# Removes whatever a lab of this name has left: processes, mounts, namespaces, cgroups, files.
clear_away() {
  local -a mounts
  local line i
  cgroup_remove ''
  mapfile -t mounts < <(
    while read -r _ _ _ _ line _; do
      if [[ $line == "$RUN" || $line == "$RUN"/* ]]; then printf '%s\n' "$line"; fi
    done < <(mount_lines)
  )
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
    umount "${mounts[i]}" 2>/dev/null || umount -l "${mounts[i]}"
  done
  rm -rf --one-file-system -- "$RUN" "$DATA"
  rmdir --ignore-fail-on-non-empty -- "${RUN%/*}" "${DATA%/*}" 2>/dev/null || true
}

verb_sh() {
  machine_number "${1:-}"
  shift
  LEADER=$(machine_leader "$I") || die "$NAME-$I is off (scripts/lab --name $NAME boot $I)"
  (($#)) || set -- bash -l
  cgroup_enter_machine "$I"
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root USER=root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
    nsenter -t "$LEADER" -m -u -i -n -p -C -r -w -- "$@"
}

verb_kill() {
  local pid end
  machine_number "${1:-}"
  if machine_off "$I"; then
    say "$NAME-$I is off already"
    return
  fi
  # Unplugged first: a machine without power sends no FIN for the connections it had.
  in_switch ip link set "m$I" down 2>/dev/null || true
  end=$(($(now_ms) + 20000))
  # More than once, because it may be rebooting and have no init at the moment.
  until machine_off "$I"; do
    pid=$(machine_leader "$I") || pid=$(recorded_pid "$M/nspawn") || pid=''
    if [[ -n $pid ]]; then kill -KILL "$pid" 2>/dev/null || true; fi
    (($(now_ms) < end)) || die "waited 20 s for $NAME-$I to end after SIGKILL"
    sleep 0.02
  done
}

verb_boot() {
  local t0
  machine_number "${1:-}"
  machine_off "$I" || { say "$NAME-$I is on already" && return; }
  t0=$(now_ms)
  machine_start
  wait_ready "$t0" "m$I"
}

verb_cut() { machine_number "${1:-}" && port_cut "m$I" "${2:-}"; }
verb_mend() { machine_number "${1:-}" && port_mend "m$I"; }

# Without a number: of the first machine that is on and whose musterd has served it in this boot.
verb_socket() {
  if (($#)); then
    machine_number "$1"
    printf '%s\n' "$M/api/muster.sock"
    return
  fi
  settings
  for ((I = 1; I <= COUNT; I++)); do
    [[ -S $RUN/m$I/api/muster.sock ]] || continue
    if machine_off "$I"; then continue; fi
    printf '%s\n' "$RUN/m$I/api/muster.sock"
    return
  done
  die 'musterd has not yet served its API on any machine that is on'
}

verb_net() {
  settings
  (($#)) || die 'net needs a command'
  exec nsenter --net="$RUN/switch" -- "$@"
}

# In the foreground, until its input ends.
verb_relay() {
  settings
  exec nsenter --net="$RUN/switch" -- "$NODE" "$REPO/scripts/lab.d/relay.mjs"
}
