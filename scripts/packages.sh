#!/bin/bash
# After success every Debian package that the tests and benchmarks need is installed. Without arguments: all of them.
set -euo pipefail

all=(
  # databases and checkers
  mariadb-server shellcheck mandoc systemd xorriso pxelinux grub-common python3 busybox-static dash bash
  # a userland that is not GNU's
  posh original-awk toybox
  # guest configurations' own readers: virt-xml-validate, its xmllint, xl's library
  libvirt-clients libxml2-utils libxenmisc4.17
  # clients of the protocols
  tftp-hpa atftp curl udhcpc isc-dhcp-client util-linux iproute2 perl debconf openssh-client openssh-server
  # more clients of DHCP, a relay, and what shows the packets
  dhcpcd-base klibc-utils isc-dhcp-relay radvd tcpdump
  # what the documents' commands are run with
  jq make
  # daemons that sites run, for whose configurations we write
  isc-dhcp-server kea-dhcp4-server tftpd-hpa
  # a browser for the pages, what makes them a certificate, and what makes their pictures small
  chromium openssl pngquant
  # what the benchmarks measure us against, and with: perfdhcp is in kea-admin
  kea-admin nginx-light
  # emulated machines and what their test installer is made of
  qemu-system-x86 ipxe-qemu ovmf socat busybox-static dnsmasq-base binutils wget parted e2fsprogs
)

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
if [ "$(id -u)" != 0 ]; then
  echo "Debian packages are missing. Install them with: sudo ${install[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d # tests start what they need themselves: no package's daemon may
[ -e "$policy" ] || { trap 'rm -f "$policy"' EXIT && printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; }
apt-get update -q >/dev/null
"${install[@]}" >/dev/null
