#!/bin/bash
# After success every Debian package that the tests and benchmarks need is installed. Without arguments: all of them.
set -euo pipefail

all=(
  # databases and checkers
  mariadb-server shellcheck xorriso pxelinux grub-common python3 busybox-static dash bash
  # clients of the protocols
  tftp-hpa atftp curl udhcpc isc-dhcp-client util-linux iproute2 perl openssh-client openssh-server
  # emulated machines and what their test installer is made of
  qemu-system-x86 ipxe-qemu ovmf busybox-static dnsmasq-base binutils wget
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
