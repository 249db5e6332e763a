# The lab's network: one bridge in a namespace that only the lab knows; a port for each machine
# and each member of etcd. No interface is ever created on the host.
# shellcheck shell=bash

in_switch() { nsenter --net="$RUN/switch" "$@"; }

switch_make() {
  : >"$RUN/switch"
  unshare --net="$RUN/switch" true
  in_switch ip -batch - <<EOT
link set lo up
link add br0 address $(port_mac "$SUBNET.1") type bridge forward_delay 0
addr add $SUBNET.1/24 dev br0
link set br0 up
EOT
}

port_absent() {
  in_switch ip link del "$1" 2>/dev/null || true
  ! in_switch ip link show "$1" >/dev/null 2>&1
}

# port_mac ADDRESS: follows from it, so that a reboot does not leave the others with a stale one.
port_mac() {
  # shellcheck disable=SC2086
  printf '02:6d:%02x:%02x:%02x:%02x' ${1//./ }
}

# port_make FILE PORT ADDRESS: a new network namespace, bound to FILE, with ADDRESS on its eth0
# and plugged into the bridge as PORT. What is cut of its cable stays cut.
port_make() {
  local file=$1 port=$2 address=$3 way state=up mac
  mac=$(port_mac "$address")
  way=$(port_way "$port")
  if [[ $way == both ]]; then state=down; fi
  if mountpoint -q "$file" 2>/dev/null; then umount -l "$file"; fi
  : >"$file"
  until_true 5000 port_absent "$port" || die "the old port $port of the switch does not go away"
  unshare --net="$file" true
  in_switch ip -batch - <<EOT
link add $port type veth peer name eth0 address $mac netns $file
link set $port master br0
link set $port $state
EOT
  nsenter --net="$file" ip -batch - <<EOT
link set lo up
addr add $address/24 dev eth0
link set eth0 up
EOT
  nsenter --net="$file" ip -batch - < <(neighbours)
  case $way in
    in) port_deafen "$port" ;;
    out) nsenter --net="$file" ip -batch - < <(routes add) ;;
  esac
}

# Everybody knows everybody's MAC address: what can send but not hear could not ask for it.
neighbours() {
  local address i
  for ((i = 1; i <= 10 + COUNT; i++)); do
    if ((i > 1 + ETCD_COUNT && i < 11)); then continue; fi
    address=$SUBNET.$i
    printf 'neigh replace %s lladdr %s dev eth0 nud permanent\n' "$address" "$(port_mac "$address")"
  done
}

# Which way of a cable is cut: both, in (nothing reaches it), out (nothing leaves it); empty: none.
port_way() {
  if [[ -e $RUN/$1.cut ]]; then printf '%s' "$(<"$RUN/$1.cut")"; fi
}

port_address() {
  case $1 in
    m*) machine_address "${1#m}" ;;
    etcd*) etcd_address "${1#etcd}" ;;
  esac
}

# The switch no longer knows where this port is, and does not try: frames from it go on.
port_deafen() {
  in_switch bridge link set dev "$1" learning off flood off mcast_flood off bcast_flood off
  in_switch bridge fdb del "$(port_mac "$(port_address "$1")")" dev "$1" master 2>/dev/null || true
}

# routes add|del: all addresses of the lab lead nowhere.
routes() { printf "route $1 blackhole $SUBNET.%s/25\n" 0 128; }

# in_port PORT CMD…: in the network of a machine that is on, or of a member of etcd.
in_port() {
  local port=$1 leader
  shift
  case $port in
    m*) leader=$(machine_leader "${port#m}") && nsenter -t "$leader" -n -- "$@" ;;
    etcd*) nsenter --net="$RUN/$port.net" -- "$@" ;;
  esac
}

port_is_there() { in_switch ip link show "$1" >/dev/null 2>&1; }

# port_cut PORT [--in|--out]
port_cut() {
  local way=both
  case ${2:-} in
    '') ;;
    --in | --out) way=${2#--} ;;
    *) die "unknown option '$2' of cut (--in: nothing reaches it; --out: nothing leaves it)" ;;
  esac
  port_mend "$1"
  printf '%s\n' "$way" >"$RUN/$1.cut"
  port_is_there "$1" || return 0
  case $way in
    both) in_switch ip link set "$1" down ;;
    in) port_deafen "$1" ;;
    out) in_port "$1" ip -batch - < <(routes add) || true ;; # off: at its next boot
  esac
}

port_mend() {
  local way
  way=$(port_way "$1")
  rm -f "$RUN/$1.cut"
  port_is_there "$1" || return 0
  case $way in
    both) in_switch ip link set "$1" up ;;
    in) in_switch bridge link set dev "$1" learning on flood on mcast_flood on bcast_flood on ;;
    out) in_port "$1" ip -batch - < <(routes del) 2>/dev/null || true ;; # it was off meanwhile
  esac
}
