#!/bin/bash
# demo.sh FOLDER: the sample farm in an SQLite file, served on unprivileged loopback ports until Ctrl-C. Safe to run again: what
# was changed meanwhile stays.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.demo}
mkdir -p "$folder"

cat >"$folder/bootstead.yaml" <<EOF
# Written by make demo.
state: .
listen: 127.0.0.1
advertise: 127.0.0.1
http_port: 8080
dhcp_port: 6767
tftp_port: 6969
admin_port: 8081
verify_address: false # curl from here stands in for machines
log_format: text
EOF
bootstead=(bin/bootstead --config "$folder/bootstead.yaml")
fill() {
  "${bootstead[@]}" import samples/farm.yaml
  # Files of the right names, so that everything can be armed: curl stands in for machines. The port in every address
  # makes the line of PXELINUX longer than an installer of EL 5 reads; that of iPXE is shorter.
  for file in vmlinuz initrd.img; do echo "stands in for $file" >"$folder/$file"; done
  for image in sl5-i386 sl4-i386-xen fedora44-x86_64; do
    "${bootstead[@]}" image add $image --kernel "$folder/vmlinuz" --initrd "$folder/initrd.img" >/dev/null
  done
  "${bootstead[@]}" profile set sl5-dom0 params.loader=ipxe >/dev/null
  touch "$folder/filled"
}
[ -e "$folder/filled" ] || fill
"${bootstead[@]}" loaders collect --download >"$folder/loaders.txt" 2>&1 || echo "some boot loaders could not be collected; see $folder/loaders.txt"

cat <<EOF

The sample farm: 12 Dom0s and 28 DomUs, in $folder/inventory.sqlite.

  open      http://127.0.0.1:8080/
            http://127.0.0.1:8080/healthz
            http://127.0.0.1:8081/          (pages and API; the first time, by the link below)
            http://127.0.0.1:8080/ipxe/00:00:5e:00:53:01.ipxe   (what acas0001's iPXE is told now)

  try, in another terminal:
            ${bootstead[*]} machine list 'acas[0001-0012]'
            ${bootstead[*]} explain acas0001 --arch uefi-x64
            ${bootstead[*]} show acas0001 kickstart
            ${bootstead[*]} install acas0001 --watch

Stop with Ctrl-C.

EOF
exec "${bootstead[@]}" serve
