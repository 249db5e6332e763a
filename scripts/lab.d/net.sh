# The lab's network: one bridge in a namespace that only the lab knows; a port for each machine
# and each member of etcd. No interface is ever created on the host.
# shellcheck shell=bash

in_switch() { nsenter --net="$RUN/switch" "$@"; }

switch_make() {
  : >"$RUN/switch"
  unshare --net="$RUN/switch" true
  in_switch ip -batch - <<EOT
link set lo up
link add br0 type bridge forward_delay 0
addr add $SUBNET.1/24 dev br0
link set br0 up
EOT
}

port_absent() {
  in_switch ip link del "$1" 2>/dev/null || true
  ! in_switch ip link show "$1" >/dev/null 2>&1
}

# port_make FILE PORT ADDRESS: a new network namespace, bound to FILE, with ADDRESS on its eth0
# and plugged into the bridge as PORT. Stays unplugged while $RUN/PORT.cut exists. The MAC address
# follows from ADDRESS, so that a reboot does not leave the others with a stale one.
port_make() {
  local file=$1 port=$2 address=$3 state=up mac
  # shellcheck disable=SC2086
  mac=$(printf '02:6d:%02x:%02x:%02x:%02x' ${address//./ })
  if [[ -e $RUN/$port.cut ]]; then state=down; fi
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
}

port_cut() {
  : >"$RUN/$1.cut"
  if in_switch ip link show "$1" >/dev/null 2>&1; then in_switch ip link set "$1" down; fi
}

port_mend() {
  rm -f "$RUN/$1.cut"
  if in_switch ip link show "$1" >/dev/null 2>&1; then in_switch ip link set "$1" up; fi
}
