# Says in one sentence what is missing before anything is made.
# shellcheck shell=bash

check_tools() {
  local pair missing=()
  for pair in systemd-nspawn:systemd-container dbus-daemon:dbus ip:iproute2 "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  ((${#missing[@]} == 0)) ||
    die "missing Debian packages: ${missing[*]} (scripts/setup installs them)"
}

check_kernel() {
  local h why scratch
  unshare -m -n true 2>/dev/null ||
    die 'this root may not make mount and network namespaces; a privileged container or a real machine can'
  [[ -n $(cgroup_hierarchies) ]] || die 'no cgroup hierarchy is mounted below /sys/fs/cgroup'
  while read -r h; do
    [[ -w $h && -w $h/cgroup.procs ]] || die "the cgroup hierarchy $h is read-only here"
  done < <(cgroup_hierarchies)
  scratch=$(mktemp -d /tmp/muster-lab.XXXXXX)
  # shellcheck disable=SC2016
  if ! why=$(unshare -m --propagation private sh -ec '
    mount -t tmpfs tmpfs "$1"
    mkdir "$1/up" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
    ' sh "$scratch" 2>&1); then
    rmdir "$scratch"
    die "cannot mount an overlay with / below, which is $(stat -f -c %T /) here: ${why//$'\n'/; }"
  fi
  rmdir "$scratch"
}

# Prints the real path of the node that runs here.
check_node() {
  local node
  node=$(command -v node) || die 'node is not in PATH; Node.js 20 or newer is needed'
  node=$(node -p process.execPath)
  printf '%s' "$node"
}
