# Members of the lab's etcd: one process each, in a network namespace of its own.
# shellcheck shell=bash

etcd_endpoints() {
  local k list=()
  for ((k = 1; k <= ETCD_COUNT; k++)); do list+=("http://$(etcd_address "$k"):2379"); done
  local IFS=,
  printf '%s' "${list[*]}"
}

# Checks that $1 is the number of a member; sets K.
etcd_number() {
  settings
  if ! [[ ${1:-} =~ ^[1-9]$ ]] || (($1 > ETCD_COUNT)); then
    die "no etcd member '${1:-}': this lab has $ETCD_COUNT"
  fi
  K=$1
}

etcd_start() {
  local k=$1 address peers=() j
  address=$(etcd_address "$k")
  for ((j = 1; j <= ETCD_COUNT; j++)); do peers+=("etcd$j=http://$(etcd_address "$j"):2380"); done
  [[ -d $DATA/etcd$k ]] || mkdir -m 0700 "$DATA/etcd$k"
  cgroup_make "etcd$k"
  port_make "$RUN/etcd$k.net" "etcd$k" "$address"
  (
    exec 9>&- </dev/null >>"$RUN/etcd$k.log" 2>&1
    cgroup_enter "etcd$k"
    cd /
    exec env -i PATH="$PATH" setsid nsenter --net="$RUN/etcd$k.net" \
      etcd --name "etcd$k" --data-dir "$DATA/etcd$k" --logger zap --log-level warn \
      --listen-client-urls "http://$address:2379,http://127.0.0.1:2379" \
      --advertise-client-urls "http://$address:2379" \
      --listen-peer-urls "http://$address:2380" \
      --initial-advertise-peer-urls "http://$address:2380" \
      --initial-cluster "$(IFS=, && printf '%s' "${peers[*]}")" \
      --initial-cluster-token "$NAME" --initial-cluster-state new
  ) &
  proc_record $! >"$RUN/etcd$k.pid" || true
  disown # its end is nothing to report
}

# Whether member K says that it is healthy, which it is when a quorum answers.
etcd_healthy() {
  local answer
  # shellcheck disable=SC2016
  answer=$(in_switch timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/2379" &&
    printf "GET /health HTTP/1.0\r\n\r\n" >&3 && cat <&3' "$(etcd_address "$1")" 2>/dev/null) || return 1
  [[ $answer == *'"health":"true"'* ]]
}

# etcd_signal K SIGNAL: and waits until it is gone.
etcd_signal() {
  local pid
  pid=$(recorded_pid "$RUN/etcd$1.pid") || return 0
  kill "-$2" "$pid"
  until_true 30000 etcd_off "$1" || die "waited 30 s for etcd $1 to end after $2"
}
etcd_tell() {
  local pid
  pid=$(recorded_pid "$RUN/etcd$1.pid") || die "etcd $1 is off (scripts/lab --name $NAME etcd start $1)"
  kill "-$2" "$pid"
}
etcd_off() { ! recorded_pid "$RUN/etcd$1.pid" >/dev/null; }

verb_etcd() {
  local what=${1:-}
  etcd_number "${2:-}"
  case $what in
    kill) etcd_signal "$K" KILL ;;
    stop) etcd_signal "$K" TERM ;;
    start)
      etcd_off "$K" || { say "etcd $K runs already" && return; }
      etcd_start "$K"
      ;;
    hang) etcd_tell "$K" STOP ;;
    resume) etcd_tell "$K" CONT ;;
    cut) port_cut "etcd$K" "${3:-}" ;;
    mend) port_mend "etcd$K" ;;
    *) die "unknown: etcd '$what' (kill, stop, start, hang, resume, cut or mend)" ;;
  esac
}

verb_endpoints() {
  settings
  etcd_endpoints
  echo
}
