# Cgroups of the lab, in every mounted hierarchy: v1, hybrid or unified.
# shellcheck shell=bash
# They bound what the lab may kill: nothing but what it put there itself.

# Mount points of all cgroup hierarchies, one a line.
cgroup_hierarchies() {
  local line
  local -a pre post
  while read -r line; do
    read -ra pre <<<"${line%% - *}"
    read -ra post <<<"${line##* - }"
    [[ ${post[0]} == cgroup || ${post[0]} == cgroup2 ]] || continue
    [[ ${pre[4]} == /sys/fs/cgroup || ${pre[4]} == /sys/fs/cgroup/* ]] || continue
    printf '%s\n' "${pre[4]}"
  done < <(mount_lines)
}

# cgroup_make PATH: the lab's cgroup PATH ('' is its top) everywhere.
cgroup_make() {
  local h dir
  while read -r h; do
    for dir in "$h/$CGROUP" "$h/$CGROUP${1:+/$1}"; do
      [[ -d $dir ]] || mkdir "$dir"
      cgroup_open "$dir"
    done
  done < <(cgroup_hierarchies)
}

# Makes a new cgroup usable: v1 cpusets start empty; v2 controllers must be handed down.
cgroup_open() {
  local parent=${1%/*} file controller
  for file in cpuset.cpus cpuset.mems; do
    if [[ -e $1/$file && -e $1/tasks && -z $(<"$1/$file") ]]; then
      printf '%s' "$(<"$parent/$file")" >"$1/$file"
    fi
  done
  # In a hybrid tree the controllers are v1's; only in the unified one they are handed down.
  [[ -e /sys/fs/cgroup/cgroup.subtree_control ]] || return 0
  # Refused where the parent holds processes (a container's root): then without controllers.
  for controller in cpu memory pids io; do
    { printf '+%s' "$controller" >"$parent/cgroup.subtree_control"; } 2>/dev/null || true
  done
}

# Moves the calling shell ('0' means the writer) into the lab's cgroup PATH.
cgroup_enter() {
  local h
  while read -r h; do
    echo 0 >"$h/$CGROUP/$1/cgroup.procs"
  done < <(cgroup_hierarchies)
}

# Moves the calling shell beside the services of machine I, so that it counts as hers.
cgroup_enter_machine() {
  local h top
  while read -r h; do
    top=$h/$CGROUP/m$1
    # On cgroup2 nspawn puts the machine's own tree below `payload`.
    if [[ -d $top/payload ]]; then top+=/payload; fi
    [[ -d $top/lab-sh ]] || mkdir -p "$top/lab-sh"
    cgroup_open "$top/lab-sh"
    echo 0 >"$top/lab-sh/cgroup.procs"
  done < <(cgroup_hierarchies)
}

# Pids in the lab's cgroup PATH and below.
cgroup_pids() {
  local h
  while read -r h; do
    [[ -d $h/$CGROUP${1:+/$1} ]] || continue
    find "$h/$CGROUP${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done < <(cgroup_hierarchies) | sort -un
}

# SIGKILLs everything in PATH until it is empty.
cgroup_kill() {
  local -a pids
  local end=$(($(now_ms) + 20000))
  while :; do
    mapfile -t pids < <(cgroup_pids "${1:-}")
    ((${#pids[@]})) || return 0
    (($(now_ms) < end)) || die "these processes did not die within 20 s of SIGKILL: ${pids[*]}"
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.02
  done
}

cgroup_gone() {
  local h left=0
  while read -r h; do
    [[ -d $h/$CGROUP${1:+/$1} ]] || continue
    find "$h/$CGROUP${1:+/$1}" -depth -type d -exec rmdir {} + 2>/dev/null || true
    if [[ -d $h/$CGROUP${1:+/$1} ]]; then left=1; fi
  done < <(cgroup_hierarchies)
  return "$left"
}

# Kills what is in PATH and removes it from every hierarchy.
cgroup_remove() {
  cgroup_kill "${1:-}"
  until_true 10000 cgroup_gone "${1:-}" || die "could not remove the cgroups $CGROUP${1:+/$1}"
}
