# Waiting with visible progress; what is waited for is a list of m1, m2, etcd1, …
# shellcheck shell=bash

# ready, ended or pending.
progress_of() {
  case $1 in
    m*)
      if machine_answers "${1#m}"; then echo ready; elif [[ -e $RUN/$1/exit ]]; then echo ended; else echo pending; fi
      ;;
    etcd*)
      if etcd_off "${1#etcd}"; then echo ended; elif etcd_healthy "${1#etcd}"; then echo ready; else echo pending; fi
      ;;
  esac
}

title_of() {
  case $1 in
    m*) printf '%s-%s' "$NAME" "${1#m}" ;;
    etcd*) printf 'etcd %s' "${1#etcd}" ;;
  esac
}

# give_up THING WHY: shows the end of the thing's log and dies.
give_up() {
  local log=$RUN/$1.log
  if [[ $1 == m* ]]; then log=$RUN/$1/log; fi
  warn "the last lines of $log:"
  tail -n 15 "$log" >&2 || true
  die "$2 (scripts/lab --name $NAME down takes away what is there)"
}

# wait_ready T0 THING…: until all of them are, measured from T0; LAB_WAIT_MS bounds it.
wait_ready() {
  local t0=$1 limit=${LAB_WAIT_MS:-90000} thing names=''
  shift
  local -a pending=("$@") still
  while ((${#pending[@]})); do
    still=()
    for thing in "${pending[@]}"; do
      case $(progress_of "$thing") in
        ready) say "$(title_of "$thing") is up after $(seconds_since "$t0")" ;;
        ended) give_up "$thing" "$(title_of "$thing") ended instead of coming up" ;;
        pending) still+=("$thing") ;;
      esac
    done
    pending=(${still[@]+"${still[@]}"})
    ((${#pending[@]})) || return 0
    if (($(now_ms) - t0 > limit)); then
      for thing in "${pending[@]}"; do names+="${names:+, }$(title_of "$thing")"; done
      give_up "${pending[0]}" "waited $(seconds_since "$t0") for $names to answer (system bus, etcd's /health)"
    fi
    sleep 0.05
  done
}
