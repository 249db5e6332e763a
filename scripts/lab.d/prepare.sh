# What a machine's disk holds beside this system's own files, written once, before its first boot.
# shellcheck shell=bash

# hide PATH…: before the overlay is mounted: makes the host's PATH invisible in the machine (an
# overlay takes a 0/0 character device for "removed").
hide() {
  local path
  for path in "$@"; do
    [[ -e $path || -L $path ]] || continue
    mkdir -p "$M/upper${path%/*}"
    mknod "$M/upper$path" c 0 0
  done
}

# What this host has enabled, its own state, and its people's files are not the machine's. With
# /etc/systemd/system hidden nothing is enabled but what systemd itself ships enabled.
hide_host() {
  hide /etc/systemd/system /etc/systemd/network /etc/rc?.d /etc/fstab /etc/crypttab \
    /etc/machine-id /etc/hostname /etc/hosts /etc/resolv.conf /etc/environment /etc/muster \
    /var/lib/dbus/machine-id /var/lib/muster /var/lib/etcd /var/log/journal /var/tmp /root /home
}

mask() { ln -sfn /dev/null "$1/etc/systemd/system/$2"; }

# Of what systemd itself ships enabled: timers and logins are noise on a node; the rest of the
# list cannot work in a namespace or would touch what all machines share.
mask_needless() {
  local root=$1 unit
  for unit in "$root"/usr/lib/systemd/system/timers.target.wants/*.timer \
    "$root"/usr/lib/systemd/system/getty.target.wants/*; do
    if [[ -e $unit || -L $unit ]]; then mask "$root" "${unit##*/}"; fi
  done
  for unit in getty.target console-getty.service systemd-ask-password-wall.path \
    systemd-modules-load.service systemd-sysctl.service systemd-binfmt.service \
    systemd-journald-audit.socket systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount \
    proc-sys-fs-binfmt_misc.automount; do
    mask "$root" "$unit"
  done
}

# Writes into the mounted overlay of machine I.
fill_machine() {
  local root=$1 i
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants" \
    "$root/etc/systemd/journald.conf.d" "$root/var/lib/dbus" "$root/var/tmp" "$root/home"
  chmod 1777 "$root/var/tmp"
  mkdir -m 0700 "$root/root"
  ln -s /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
  mask_needless "$root"
  machine_id "$I" >"$root/etc/machine-id"
  ln -s /etc/machine-id "$root/var/lib/dbus/machine-id"
  printf '%s-%d\n' "$INSIDE" "$I" >"$root/etc/hostname"
  : >"$root/etc/fstab"
  {
    printf '127.0.0.1 localhost\n'
    for ((i = 1; i <= COUNT; i++)); do printf '%s %s-%d\n' "$(machine_address "$i")" "$INSIDE" "$i"; done
  } >"$root/etc/hosts"
  printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\n' \
    >"$root/etc/systemd/journald.conf.d/50-lab.conf"
  if ((MUSTERD)); then fill_musterd "$root"; fi
}

machine_id() {
  local sum _
  read -r sum _ < <(printf 'muster lab %s machine %d' "$INSIDE" "$1" | md5sum)
  printf '%s\n' "$sum"
}

# Something to choose by: two regions, every third machine has slow disks, two machines a rack.
machine_metadata() {
  local region=a disk=ssd
  if ((I % 2 == 0)); then region=b; fi
  if ((I % 3 == 0)); then disk=hdd; fi
  printf '{ region: %s, disk: %s, rack: r%d }' "$region" "$disk" $(((I + 1) / 2))
}

fill_musterd() {
  local root=$1 address endpoints assignment exec environment=''
  address=$(machine_address "$I")
  endpoints=$(etcd_endpoints)
  for assignment in ${MUSTERD_ENV[@]+"${MUSTERD_ENV[@]}"}; do
    assignment=${assignment//\\/\\\\}
    assignment=${assignment//%/%%}
    environment+="Environment=\"${assignment//\"/\\\"}\""$'\n'
  done
  mkdir -p "$root/etc/muster" "$root/usr/local/bin"
  cat >"$root/etc/muster/musterd.yaml" <<EOT
etcd: { endpoints: ["${endpoints//,/\", \"}"] }
machine: { address: $address, metadata: $(machine_metadata) }
api:
  listen:
    - unix:/run/muster/muster.sock
    - unix:/run/muster-api/muster.sock
    - tcp:$address:49153
  insecure: true
EOT
  # The unit as it is shipped; only where node and musterd are differs here.
  cp "$REPO/packages/daemon/musterd.service" "$root/etc/systemd/system/musterd.service"
  exec=$(sed -n "s|^ExecStart=/usr/bin/node \\(.*\\)/usr/local/lib/muster/|ExecStart=$NODE_INSIDE \\1/opt/muster/|p" \
    "$root/etc/systemd/system/musterd.service")
  [[ -n $exec ]] || die 'musterd.service has no ExecStart=/usr/bin/node … /usr/local/lib/muster/musterd.cjs'
  mkdir "$root/etc/systemd/system/musterd.service.d"
  printf '[Service]\nExecStart=\n%s\n%s' "$exec" "$environment" \
    >"$root/etc/systemd/system/musterd.service.d/50-lab.conf"
  ln -s ../musterd.service "$root/etc/systemd/system/multi-user.target.wants/musterd.service"
  local tool
  for tool in musterd musterctl; do
    printf '#!/bin/sh\nexec %s /opt/muster/%s.cjs "$@"\n' "$NODE_INSIDE" "$tool" \
      >"$root/usr/local/bin/$tool"
    chmod 0755 "$root/usr/local/bin/$tool"
  done
}
