#!/bin/bash
# scene.sh CHECKOUT DIST COMMAND…: runs COMMAND as root in CHECKOUT on a copy of this host that is thrown away afterwards,
# with the compiled program of the folder DIST. After it, nothing on this host has changed: the copy has its own files
# (overlays), processes, ports, and a network of its own, in which this host is 192.0.2.1, and 198.51.100.10 is a host
# elsewhere (ip netns exec elsewhere …).
set -euo pipefail
checkout=$1
dist=$2
shift 2
if [ -z "${BOOTSTEAD_SCENE:-}" ]; then
  export BOOTSTEAD_SCENE=host
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(--map-root-user)
  exec unshare "${as_root[@]}" --mount --net --pid --fork --kill-child bash "$0" "$checkout" "$dist" "$@"
fi

if [ "$BOOTSTEAD_SCENE" = host ]; then
  mount -t tmpfs scene /mnt
  overlay() { # overlay NAME FOLDER PLACE
    mkdir -p "/mnt/$1/upper" "/mnt/$1/work" "$3"
    mount -t overlay -o "lowerdir=$2,upperdir=/mnt/$1/upper,workdir=/mnt/$1/work" "$1" "$3"
  }
  overlay host / /mnt/root
  rm -rf /mnt/root/etc/bootstead /mnt/root/var/lib/bootstead
  mount -t proc proc /mnt/root/proc
  mount --rbind /sys /mnt/root/sys
  for folder in tmp run root dev; do mount -t tmpfs -o mode=755 "$folder" "/mnt/root/$folder"; done
  chmod 1777 /mnt/root/tmp
  mkdir -p /mnt/root/run/lock /mnt/root/run/mysqld /mnt/root/dev/pts /mnt/root/dev/shm
  for device in null zero full random urandom tty; do # no disk: a document may tell a machine to write one
    touch "/mnt/root/dev/$device"
    mount --bind "/dev/$device" "/mnt/root/dev/$device"
  done
  mount --bind /dev/pts /mnt/root/dev/pts
  mount --bind /dev/shm /mnt/root/dev/shm
  ln -s pts/ptmx /mnt/root/dev/ptmx
  ln -s /proc/self/fd /mnt/root/dev/fd
  overlay checkout "$checkout" "/mnt/root$checkout"
  rm -rf "/mnt/root$checkout/.demo"
  if [ -n "${BOOTSTEAD_PICTURES:-}" ]; then # what is put there stays
    mkdir -p "$BOOTSTEAD_PICTURES" "/mnt/root$BOOTSTEAD_PICTURES"
    mount --bind "$BOOTSTEAD_PICTURES" "/mnt/root$BOOTSTEAD_PICTURES"
  fi
  mkdir -p "/mnt/root$checkout/dist"
  mount --bind "$dist" "/mnt/root$checkout/dist"
  rm -f /mnt/root/etc/resolv.conf
  echo 'nameserver 127.0.0.1' >/mnt/root/etc/resolv.conf # where nobody answers, at once
  cat >>/mnt/root/etc/hosts <<HOSTS
127.0.0.1 db.example.org
192.0.2.1 boot.example.org
198.51.100.10 mirror.example.org deb.debian.org
HOSTS
  export BOOTSTEAD_SCENE=copy
  exec chroot /mnt/root bash "$checkout/test/docs/scene.sh" "$checkout" "$dist" "$@"
fi

unset BOOTSTEAD_SCENE
export HOME=/root
ip link set lo up
ip netns add elsewhere
ip link add eth0 type veth peer name eth0 netns elsewhere
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip route add default via 192.0.2.254
ip -n elsewhere link set lo up
ip -n elsewhere addr add 192.0.2.254/24 dev eth0
ip -n elsewhere addr add 198.51.100.10/24 dev lo
ip -n elsewhere link set eth0 up
cd "$checkout"
exec "$@"
