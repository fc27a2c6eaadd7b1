// Tries the harness without Bootstead: dnsmasq and a few lines of HTTP stand where the server goes. When metal.test.ts
// fails and this does not, look at the server.   node --import tsx test/boot/stand-in.ts [NAME]…
import { createReadStream } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware, type Machine } from './machine.ts'
import { ended, openNetwork, serverAddress, type Network } from './network.ts'
import { cacheFolder, logFolder, unpackDebian, type Unpacked } from './packages.ts'

interface Host {
  readonly name: string
  readonly firmware: Firmware
  readonly mac: string
  readonly ip: string
}

const hosts: readonly Host[] = [
  { name: 'ipxe', firmware: 'bios', mac: '00:00:5e:00:53:01', ip: '192.0.2.11' },
  { name: 'pxelinux', firmware: 'bios', mac: '00:00:5e:00:53:02', ip: '192.0.2.12' },
  { name: 'grub', firmware: 'uefi', mac: '00:00:5e:00:53:03', ip: '192.0.2.13' },
  { name: 'secure', firmware: 'uefi-secure', mac: '00:00:5e:00:53:04', ip: '192.0.2.14' },
  { name: 'http', firmware: 'uefi-http', mac: '00:00:5e:00:53:05', ip: '192.0.2.15' },
]

const url = `http://${serverAddress}`
const token = 'of-the-stand-in'
const hyphens = (mac: string) => mac.replaceAll(':', '-')

const dnsmasqConfig = (root: string): string => `port=0
interface=br0
bind-interfaces
log-dhcp
log-facility=${join(logFolder, 'stand-in-dnsmasq.log')}
leasefile-ro
dhcp-range=192.0.2.0,static
${hosts.map(({ mac, ip, name }) => `dhcp-host=${mac},${ip},${name},set:${name}`).join('\n')}
dhcp-option=3,${serverAddress}
enable-tftp
tftp-root=${root}
dhcp-userclass=set:user-class-ipxe,iPXE
dhcp-vendorclass=set:http-client,HTTPClient
tag-if=set:script,tag:user-class-ipxe,tag:ipxe
tag-if=set:script,tag:user-class-ipxe,tag:http
dhcp-boot=tag:script,${url}/ipxe/\${net0/mac:hexhyp}.ipxe
dhcp-boot=tag:pxelinux,pxelinux.0
dhcp-option-force=tag:http-client,60,HTTPClient
dhcp-boot=tag:http-client,${url}/snponly.efi
dhcp-boot=tag:grub,shimx64.efi
dhcp-boot=tag:secure,shimx64.efi
`

const grubEntry = `regexp --set=1:a --set=2:b --set=3:c --set=4:d --set=5:e --set=6:f '^(..):(..):(..):(..):(..):(..)$' "$net_default_mac"
configfile $prefix/grub.cfg-01-$a-$b-$c-$d-$e-$f
`

const argumentsOf = ({ name, ip }: Host): string =>
  [
    'console=ttyS0,115200',
    `inst.ks=${url}/ks/${name}?token=${token}`,
    `ip=${ip}::${serverAddress}:255.255.255.0:${name}:eth0:none`,
  ].join(' ')

const installMenus = (host: Host): readonly string[] => {
  const [kernel, initrd, words] = ['images/vmlinuz', 'images/initrd.img', argumentsOf(host)]
  return [
    `#!ipxe\nkernel ${url}/${kernel} initrd=initrd.img ${words}\ninitrd ${url}/${initrd}\nboot\n`,
    `SERIAL 0 115200\nDEFAULT install\nLABEL install\nKERNEL ${kernel}\nINITRD ${initrd}\nAPPEND ${words}\n`,
    `linux /${kernel} ${words}\ninitrd /${initrd}\nboot\n`,
  ]
}

const localMenus: readonly string[] = [
  '#!ipxe\niseq ${platform} efi && exit 1 || sanboot --no-describe --drive 0x80 || exit 1\n',
  'SERIAL 0 115200\nDEFAULT local\nLABEL local\nLOCALBOOT 0\n',
  'search --no-floppy --file --set=root /EFI/BOOT/BOOTX64.EFI\nchainloader /EFI/BOOT/BOOTX64.EFI\nboot\n',
]

const writeMenus = async (root: string, { mac }: Host, menus: readonly string[]): Promise<void> => {
  const file = hyphens(mac)
  const paths = [`ipxe/${file}.ipxe`, `pxelinux.cfg/01-${file}`, `grub/grub.cfg-01-${file}`]
  for (const [index, path] of paths.entries()) await writeFile(join(root, path), menus[index] ?? '')
}

const kickstart = ({ name }: Host): string => `ignoredisk --only-use=vda
clearpart --all --drives=vda
autopart
reboot
%pre --erroronfail
test -b /dev/vda
%end
%post --erroronfail
curl -fsS -X POST '${url}/report/${name}?token=${token}'
%end
`

const fillRoot = async (root: string, debian: Unpacked): Promise<void> => {
  for (const folder of ['ipxe', 'pxelinux.cfg', 'grub', 'ks', 'images'])
    await mkdir(join(root, folder), { recursive: true })
  const files = {
    'pxelinux.0': join(debian.root, 'usr/lib/PXELINUX/pxelinux.0'),
    'ldlinux.c32': join(debian.root, 'usr/lib/syslinux/modules/bios/ldlinux.c32'),
    'snponly.efi': join(debian.root, 'usr/lib/ipxe/snponly.efi'),
    'shimx64.efi': debian.shim,
    'grubx64.efi': debian.grubNet,
    'images/vmlinuz': debian.vmlinuz,
    'images/initrd.img': await buildInitramfs(debian, 'curl'),
  }
  for (const [name, source] of Object.entries(files)) await cp(source, join(root, name))
  await writeFile(join(root, 'grub/grub.cfg'), grubEntry)
  for (const host of hosts) {
    await writeMenus(root, host, installMenus(host))
    await writeFile(join(root, 'ks', host.name), kickstart(host))
  }
}

/** Serves `root` over HTTP; this file starts itself inside the network to do so. A report flips a host's menus. */
const serveFolder = (root: string): void => {
  createServer((request, response) => {
    const { pathname, searchParams } = new URL((request.url ?? '/').replace(/^\/+/, '/'), url) // shim asks for //grubx64.efi
    const [, kind, name] = pathname.split('/')
    const refuse = (status: number) => void response.writeHead(status).end()
    console.log(`${request.method ?? ''} ${request.url ?? ''}`)
    if ((kind === 'ks' || kind === 'report') && searchParams.get('token') !== token) return refuse(403)
    const reporter = kind === 'report' ? hosts.find((host) => host.name === name) : undefined
    if (reporter)
      return void writeMenus(root, reporter, localMenus).then(
        () => response.end('recorded\n'),
        () => refuse(500),
      )
    const path = join(root, pathname)
    stat(path).then(
      ({ size }) => {
        response.writeHead(200, { 'Content-Length': size }) // GRUB knows the header in this spelling only
        if (request.method === 'HEAD') response.end()
        else createReadStream(path).pipe(response)
      },
      () => refuse(404),
    )
  }).listen(80, serverAddress)
}

const story = async (network: Network, host: Host): Promise<void> => {
  const name = `stand-in-${host.name}`
  const disk = await makeDisk(name)
  const tap = await network.addTap()
  const started = async (boot: number) =>
    startMachine(network, {
      ...host,
      name: `${name}-${boot}`,
      disk,
      tap,
      capture: join(logFolder, `${name}-${boot}.pcap`),
    })
  const reach = async (machine: Machine, wanted: RegExp, never?: RegExp) => {
    const line = await machine.waitFor(wanted, never ? { never } : {})
    console.log(`${host.name}: ${machine.secondsOn().toFixed(1)} s: ${line}`)
  }
  const first = await started(1)
  try {
    for (const step of [/INSTALLER: Linux/, /INSTALLER: kickstart has/, /INSTALLER: done/])
      await reach(first, step, /INSTALLER: .*refused/)
    await reach(first, /BOOTED-FROM-DISK/, /INSTALLER/)
    await first.off()
  } finally {
    await first.stop()
  }
  const second = await started(2)
  try {
    await reach(second, /BOOTED-FROM-DISK/, /INSTALLER/)
    await second.off()
  } finally {
    await second.stop()
  }
}

const main = async (wanted: readonly string[]): Promise<void> => {
  const debian = await unpackDebian()
  const root = await mkdtemp(join(tmpdir(), 'stand-in-'))
  await mkdir(logFolder, { recursive: true })
  await fillRoot(root, debian)
  const config = join(root, 'dnsmasq.conf')
  await writeFile(config, dnsmasqConfig(root))
  const network = await openNetwork()
  const self = ['--import', 'tsx', import.meta.filename, '--serve', root]
  const servers = [
    network.spawn('dnsmasq', ['--no-daemon', `--conf-file=${config}`, '--pid-file'], { stdio: 'inherit' }),
    network.spawn(process.execPath, self, { stdio: 'inherit' }),
  ]
  try {
    for (const host of hosts.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))
      await story(network, host)
  } finally {
    for (const server of servers) await ended(server)
    await network.close()
    await rm(root, { recursive: true })
    console.log(`logs and captured packets: ${logFolder}; disks: ${cacheFolder}`)
  }
}

const words = process.argv.slice(2)
if (words[0] === '--serve') serveFolder(words[1] ?? '.')
else await main(words)
