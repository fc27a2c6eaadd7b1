#!/bin/bash
# bench.sh [SECTION…]: after success docs/benchmarks.md has this machine's figures, of all sections of test/bench/run.ts or
# of those named. Runs in a network namespace of its own, so that DHCP's own ports are free and nothing leaves the machine;
# that needs root, and so does the disk that files are written to.
set -euo pipefail
cd "$(dirname "$0")/.."
atftpd=.cache/bench/atftpd # one of TFTP's peers: unpacked, since as a package it would replace another, tftpd-hpa
if [ ! -x $atftpd/usr/sbin/atftpd ]; then
  mkdir -p $atftpd
  (cd $atftpd && apt-get -q download atftpd && dpkg -x atftpd_*.deb .)
fi
exec unshare --net --mount bash -c '
  ip link set lo up
  ip addr add 198.18.0.1/15 dev lo # the server
  ip addr add 198.19.255.253/15 dev lo # the relay
  exec node --import tsx test/bench/run.ts "$@"' bench "$@"
