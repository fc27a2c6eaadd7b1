// What a document finds when its first command is given: the machines it speaks of, and the hosts around it.

type Scene = Readonly<{
  /** Settings of a MariaDB at 127.0.0.1:3306, which is db.example.org too; null: there is none. */
  database: readonly string[] | null
  /** Commands of a shell. */
  setUp: string
}>

const scene = (...setUp: readonly string[]): Scene => ({ database: null, setUp: setUp.join('\n') })
const sceneOnMariaDb = (...setUp: readonly string[]): Scene => ({ ...scene(...setUp), database: [] })

/** The sample farm with kernels to install from, in the inventory at the default place. */
const farm = `
export BOOTSTEAD_ADVERTISE=192.0.2.1 BOOTSTEAD_VERIFY_ADDRESS=false
echo kernel >/tmp/vmlinuz; echo initrd >/tmp/initrd.img; echo xen >/tmp/xen.gz
bootstead import samples/farm.yaml
for image in sl5-i386:i386:repo/sl5/i386 sl4-i386-xen:i386:repo/sl4/i386 fedora44-x86_64:x86_64:repo/fedora44/x86_64; do
  IFS=: read -r name arch tree <<<"$image"
  bootstead image add "$name" --kernel /tmp/vmlinuz --initrd /tmp/initrd.img --arch "$arch" --tree-url "$tree"
done
bootstead profile set dom0 'params.root_password_hash="$6$never$shown"'`

/** The Dom0s node01 and node02 with guests, as the tutorial makes them, beside the sample farm. */
const nodes = `
for n in 1 2; do
  bootstead machine add node0$n profile=fedora-dom0 disk=sda vcpus=8 cpus=0-1 memory_mib=16384 --interface eth0,mac=00:00:5e:00:53:a$n,ip=192.0.2.10$n,network=farm,bridge=xenbr0
done
for n in 1 2 3; do
  bootstead machine add vm0$n profile=fedora-guest dom0=node01 vdisk=/dev/sda$((n + 4)) cpus=$((2 * n))-$((2 * n + 1)) vcpus=2 memory_mib=2048 --interface eth0,ip=192.0.2.11$n,network=farm
done`

const onMariaDb = `
mariadb -e "CREATE DATABASE bootstead; CREATE USER bootstead@'127.0.0.1' IDENTIFIED BY 'SECRET'; GRANT ALL ON bootstead.* TO bootstead@'127.0.0.1'"
export BOOTSTEAD_INVENTORY=mysql://bootstead:SECRET@db.example.org/bootstead`

/** What make would install is here: that of this checkout. */
const made = 'touch node_modules/.installed'

const serving = `
bootstead serve >/tmp/serve.log 2>&1 &
until curl -sf http://127.0.0.1/healthz >/dev/null; do sleep 0.1; done`

/** Armed machines boot, install and report, as curl plays them. */
const machines = `${serving}
machines >/tmp/machines.log 2>&1 &`

/** A host that answers to the names by ssh, with the Dom0's commands; they say what they were called with. */
const sshTo = (...names: readonly string[]): string => `
for name in ${names.join(' ')}; do echo "192.0.2.1 $name" >>/etc/hosts; done
for program in xenconf allguests installguest reboot xl; do
  printf '#!/bin/sh\\necho "$(basename "$0") $*"\\n' >/usr/local/sbin/$program && chmod 755 /usr/local/sbin/$program
done
chmod 700 /root && mkdir -p /run/sshd ~/.ssh && ssh-keygen -q -A && ssh-keygen -q -N '' -t ed25519 -f ~/.ssh/id_ed25519
install -m 600 ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
/usr/sbin/sshd
until ssh-keyscan ${names.join(' ')} >~/.ssh/known_hosts 2>/dev/null && [ -s ~/.ssh/known_hosts ]; do sleep 0.2; done`

/** What http://mirror.example.org/ and Debian's mirror have. */
const mirrors = `
mkdir -p /tmp/mirror && cd /tmp/mirror
tree() { # tree FOLDER FAMILY VERSION ARCH
  mkdir -p "$1/images/pxeboot" "$1/images/xen" && for file in pxeboot xen; do echo "kernel $1 $file" >"$1/images/$file/vmlinuz"; echo "initrd $1 $file" >"$1/images/$file/initrd.img"; done
  printf '[general]\\nfamily = %s\\nversion = %s\\narch = %s\\n\\n[images-%s]\\nkernel = images/pxeboot/vmlinuz\\ninitrd = images/pxeboot/initrd.img\\n\\n[images-xen]\\nkernel = images/xen/vmlinuz\\ninitrd = images/xen/initrd.img\\n' "$2" "$3" "$4" "$4" >"$1/.treeinfo"
}
iso() { xorriso -as mkisofs -quiet -r -o "$1" "$2" 2>/dev/null; }
netboot() { mkdir -p "$1" && echo 'kernel of Debian' >"$1/linux" && echo 'initrd of Debian' >"$1/initrd.gz"; }
tree scientific/57/x86_64 'Scientific Linux' 5.7 x86_64
tree el9/BaseOS/x86_64/os 'Rocky Linux' 9.4 x86_64
installer=debian/dists/bookworm/main/installer-amd64/current/images
netboot $installer/netboot/debian-installer/amd64
(cd $installer && find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS)
mkdir -p debian/dists/bookworm && printf 'Suite: oldstable\\nCodename: bookworm\\nVersion: 12.5\\nArchitectures: amd64\\n' >debian/dists/bookworm/Release
cd - >/dev/null
ip netns exec elsewhere python3 -m http.server 80 --bind 198.51.100.10 --directory /tmp/mirror >/tmp/mirror.log 2>&1 &
until curl -sf http://mirror.example.org/ >/dev/null; do sleep 0.1; done`

/** Of the sample farm. */
const dom0s = [1, 4, 7, 10, 13, 17, 21, 24, 27, 30, 33, 37].map((number) => `acas${String(number).padStart(4, '0')}`)

export const scenes: Readonly<Record<string, Scene>> = {
  'docs/reference/cli.md': scene(
    farm,
    'bootstead profile add old-guest parent=sl4-guest',
    machines,
    sshTo('acas0001', 'acas0004'),
    'mkdir -p /etc/bootstead /etc/dhcp && cd /etc/bootstead',
    "echo 'targets: {isc: {folder: /etc/dhcp/bootstead, reload: systemctl restart isc-dhcp-server}, tftpboot: {folder: /srv/tftp}}' >bootstead.yaml",
    'cd - >/dev/null',
    'bootstead generate',
  ),
  'docs/how-to/dom0.md': scene(farm, nodes, machines, sshTo('node01', 'node02', ...dom0s)),
  'docs/how-to/images.md': scene(
    mirrors,
    'mkdir -p /var/lib/bootstead/repo /srv/rescue',
    'cp -r /tmp/mirror/el9/BaseOS/x86_64/os /var/lib/bootstead/repo/rocky9',
    'netboot /usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64',
    'netboot /srv/netboot/debian-installer/amd64',
    'iso Rocky-9.4-x86_64-dvd.iso /tmp/mirror/el9/BaseOS/x86_64/os',
    'iso SL-5.7-x86_64-DVD.iso /tmp/mirror/scientific/57/x86_64',
    'mkdir -p /tmp/dvd/.disk /tmp/dvd/install.amd && echo \'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 DVD Binary-1 with firmware 20240210-11:28\' >/tmp/dvd/.disk/info',
    'echo kernel >/tmp/dvd/install.amd/vmlinuz; echo initrd >/tmp/dvd/install.amd/initrd.gz',
    'iso debian-12.5.0-amd64-DVD-1.iso /tmp/dvd',
    'for file in /srv/rescue/vmlinuz /srv/rescue/initrd.gz /boot/vmlinuz /boot/initrd.img /boot/xen.gz; do echo "$file" >"$file"; done',
  ),
  'docs/how-to/ipv6.md': scene(
    farm,
    'bootstead machine add web profile=fedora-dom0 disk=sda --interface eth0,mac=00:00:5e:00:53:a1,ip=192.0.2.101,network=farm',
  ),
  'docs/how-to/dhcp-sockets.md': scene('ln -s "$PWD/bin/bootstead" /usr/bin/bootstead'),
  'docs/how-to/existing-daemons.md': scene(
    farm,
    'mkdir -p /etc/dhcp /etc/kea /run/kea',
    "echo '# the daemon is told what follows' >/etc/dhcp/dhcpd.conf",
    "bootstead generate kea dnsmasq --targets '{kea: {folder: /etc/kea/bootstead}, dnsmasq: {folder: /etc/bootstead-dnsmasq}}'",
  ),
  'docs/reference/templates.md': scene(
    farm,
    'bootstead profile add web parent=fedora-guest family=el version=9 template=el9.ks guest_type=pvh',
    'bootstead machine add web profile=web disk=sda --interface eth0,mac=00:00:5e:00:53:a1,ip=192.0.2.101,network=farm',
  ),
  'docs/how-to/remote.md': scene(
    farm,
    "echo 'correct horse battery' | bootstead user add alice --role operator --password-stdin",
    'mkdir -p ~/.config/bootstead && cd ~/.config/bootstead',
    '(umask 077 && bootstead token add docs --user alice --role operator >token)',
    "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout'",
    'openssl req -x509 $key ca.key -subj "/CN=farm CA" -out ca.pem 2>/dev/null',
    'openssl req -x509 $key key.pem -subj /CN=boot -addext subjectAltName=DNS:boot.example.org -CA ca.pem -CAkey ca.key -out cert.pem 2>/dev/null',
    'bootstead serve --admin-listen 192.0.2.1 --admin-tls-cert cert.pem --admin-tls-key key.pem >/tmp/serve.log 2>&1 &',
    "cd - >/dev/null && echo '192.0.2.1 boot.example.org' >>/etc/hosts",
    'until curl -sf --cacert ~/.config/bootstead/ca.pem https://boot.example.org:8081/login >/dev/null; do sleep 0.1; done',
  ),
  'docs/reference/administration.md': scene(
    "echo 'correct horse battery' | bootstead user add alice --role admin --password-stdin",
  ),
  'docs/reference/api.md': scene(
    farm,
    serving,
    "echo 'correct horse battery' | bootstead user add alice --role admin --password-stdin",
    'TOKEN=$(bootstead token add docs --user alice --role operator | grep -o "bootstead_[A-Za-z0-9_-]*")',
  ),
  'docs/existing-database.md': sceneOnMariaDb(
    'mariadb <samples/foreign-farm.sql',
    'mariadb <samples/foreign-views.sql',
  ),
  'docs/troubleshooting.md': scene(
    farm,
    'unset BOOTSTEAD_VERIFY_ADDRESS',
    serving,
    "echo 'correct horse battery' | bootstead user add alice --role admin --password-stdin",
    "export BOOTSTEAD_TARGETS='{tftpboot: {folder: /srv/tftp}}'",
  ),
  'docs/how-to/secure-boot.md': scene(farm),
  'docs/how-to/many-sites.md': {
    database: [],
    setUp: [
      onMariaDb,
      farm,
      'unset BOOTSTEAD_ADVERTISE',
      mirrors,
      'mkdir -p /var/lib/bootstead/repo && cp -r /tmp/mirror/el9/BaseOS/x86_64/os /var/lib/bootstead/repo/fedora44',
      'ip addr add 198.51.100.5/24 dev lo',
      ...['192.0.2.1', '198.51.100.5'].map(
        (
          site,
        ) => `bootstead serve --listen ${site} --state /srv/${site} --admin-listen ${site} --no-dhcp >/tmp/${site}.log 2>&1 &
until curl -sf http://${site}/healthz >/dev/null; do sleep 0.1; done`,
      ),
    ].join('\n'),
  },
  'docs/tutorial/first-dom0.md': scene(made),
  'README.md': {
    database: [],
    setUp: [farm, mirrors, onMariaDb, 'unset BOOTSTEAD_INVENTORY', 'cp samples/farm.yaml inventory.yaml', made].join(
      '\n',
    ),
  },
}
