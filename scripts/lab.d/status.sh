# What there is, for people and for programs.
# shellcheck shell=bash

verb_status() {
  [[ ${1:-} == --json || -z ${1:-} ]] || die "unknown option '$1' of status"
  if [[ ! -e $RUN/settings ]]; then
    if [[ ${1:-} == --json ]]; then
      printf '{"name":"%s","stands":false,"endpoints":[],"machines":[],"etcd":[]}\n' "$NAME"
    else
      say "there is no such lab; scripts/lab --name $NAME up N makes one"
    fi
    return
  fi
  settings
  if [[ ${1:-} == --json ]]; then status_json; else status_table; fi
}

is_cut() { [[ -e $RUN/$1.cut ]]; }
cable_of() { if is_cut "$1"; then echo cut; else echo in; fi; }

etcd_state() {
  STATE=off
  if LEADER=$(recorded_pid "$RUN/etcd$1.pid"); then STATE=running; fi
}

status_table() {
  local i row='%-16s %-8s %-5s %-8s %s\n' cable
  lab_stands || warn 'it is being made, or its up did not end well'
  # shellcheck disable=SC2059
  printf "$row" MACHINE STATE CABLE PID ADDRESS
  for ((i = 1; i <= COUNT; i++)); do
    machine_state "$i"
    cable=$(cable_of "m$i")
    # shellcheck disable=SC2059
    printf "$row" "$NAME-$i" "$STATE" "$cable" "${LEADER:--}" "$(machine_address "$i")"
  done
  for ((i = 1; i <= ETCD_COUNT; i++)); do
    etcd_state "$i"
    cable=$(cable_of "etcd$i")
    # shellcheck disable=SC2059
    printf "$row" "etcd $i" "$STATE" "$cable" "${LEADER:--}" "$(etcd_address "$i")"
  done
}

status_json() {
  local i comma='' stands=false endpoints
  endpoints=$(etcd_endpoints)
  if lab_stands; then stands=true; fi
  printf '{"name":"%s","stands":%s,"endpoints":[%s],"machines":[' "$NAME" "$stands" \
    "${endpoints:+\"${endpoints//,/\",\"}\"}"
  for ((i = 1; i <= COUNT; i++)); do
    machine_state "$i"
    printf '%s{"machine":%d,"name":"%s-%d","id":"%s","address":"%s","socket":"%s",%s}' "$comma" "$i" \
      "$INSIDE" "$i" "$(machine_id "$i")" "$(machine_address "$i")" "$RUN/m$i/api/muster.sock" \
      "$(state_json "m$i")"
    comma=,
  done
  printf '],"etcd":['
  comma=''
  for ((i = 1; i <= ETCD_COUNT; i++)); do
    etcd_state "$i"
    printf '%s{"member":%d,"address":"%s",%s}' "$comma" "$i" "$(etcd_address "$i")" "$(state_json "etcd$i")"
    comma=,
  done
  printf ']}\n'
}

state_json() {
  local cut=false
  if is_cut "$1"; then cut=true; fi
  printf '"state":"%s","pid":%s,"cut":%s' "$STATE" "${LEADER:-null}" "$cut"
}
