// Captures the clients of dhcp/ anew, all of them or those named: firmware and boot loaders in emulated machines, operating
// systems' clients in network namespaces. Needs root.   node --import tsx test/corpus/take.ts [NAME]…
import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireHostFiles, unpackDebian } from '../boot/packages.ts'
import { requireClients } from '../protocol/dhcp-programs.ts'
import type { Captured } from './captures.ts'
import { captureText, corpusFolder } from './captures.ts'
import { configures, dhclientStartsAgain, dhcpcdInforms, udhcpcDeclines, udhcpcRenewsAndReleases } from './clients.ts'
import type { Story } from './clients.ts'
import type { CaptureLab, Place, Wire } from './lab.ts'
import { openCaptureLab } from './lab.ts'
import type { Firmware } from './machines.ts'
import { bootMachine, machineNeeds } from './machines.ts'

const run = promisify(execFile)

/** What one file of the corpus tells of its client; `%V` stands for the version of that Debian package. */
type Subject = Readonly<{ name: string; client: string; debian: string }>

type Session = Readonly<{ wire: Wire }> &
  (
    | Readonly<{ subject: Subject; story: Story }>
    | Readonly<{
        firmware: Firmware
        /** Null when another session captures it. */
        subject: Subject | null
        /** What firmware fetches by TFTP, which then asks by itself. */
        chained?: Readonly<{ file: string; subject: Subject }>
        bootfile?: string
        asksBootServer?: boolean
      }>
  )

const relayed = ({ name, client, debian }: Subject): Subject => ({
  name: `${name}-relayed`,
  client: `${client}; through ISC dhcrelay -a`,
  debian,
})

const ipxe = 'ipxe-qemu' // of one source with `ipxe`, whose files are only unpacked
const rom = { name: 'ipxe-rom', client: 'iPXE %V, ROM of an emulated virtio card, on SeaBIOS', debian: ipxe }
const undionly = { name: 'undionly', client: 'iPXE %V, undionly.kpxe, loaded by that ROM', debian: ipxe }
const ovmf = { name: 'ovmf', client: 'EDK2 %V, OVMF x64, PXE over IPv4', debian: 'ovmf' }
const ovmfHttp = { name: 'ovmf-http', client: 'EDK2 %V, OVMF x64, HTTP boot over IPv4', debian: 'ovmf' }
const snponly = { name: 'snponly', client: 'iPXE %V, snponly.efi, loaded by OVMF', debian: ipxe }
const grubEfi = {
  name: 'grub-efi',
  client: 'GRUB %V, net_dhcp, x86_64-efi, loaded by OVMF',
  debian: 'grub-efi-amd64-bin',
}
const grubPc = { name: 'grub-pc', client: 'GRUB %V, net_dhcp, i386-pc-pxe, loaded by iPXE', debian: 'grub-pc-bin' }
const udhcpc = { name: 'udhcpc', client: 'udhcpc %V of busybox', debian: 'udhcpc' }
const dhclient = { name: 'dhclient', client: 'dhclient %V', debian: 'isc-dhcp-client' }
const networkd = { name: 'networkd', client: 'systemd-networkd %V', debian: 'systemd' }
const dhcpcd = { name: 'dhcpcd', client: 'dhcpcd %V', debian: 'dhcpcd-base' }
const ipconfig = { name: 'ipconfig', client: 'ipconfig %V of klibc, as initramfs-tools runs it', debian: 'klibc-utils' }

const sessions: readonly Session[] = [
  { wire: 'near', subject: udhcpc, story: udhcpcRenewsAndReleases },
  {
    wire: 'near',
    subject: {
      ...udhcpc,
      name: 'udhcpc-declines',
      client: 'udhcpc %V of busybox, which finds another host at its address',
    },
    story: udhcpcDeclines,
  },
  { wire: 'near', subject: dhclient, story: dhclientStartsAgain },
  { wire: 'near', subject: networkd, story: configures('systemd-networkd') },
  { wire: 'near', subject: dhcpcd, story: configures('dhcpcd') },
  {
    wire: 'near',
    subject: { ...dhcpcd, name: 'dhcpcd-informs', client: 'dhcpcd %V, --inform' },
    story: dhcpcdInforms,
  },
  { wire: 'near', subject: ipconfig, story: configures('ipconfig') },
  { wire: 'away', subject: relayed(udhcpc), story: configures('udhcpc') },
  { wire: 'away', subject: relayed(dhclient), story: configures('dhclient') },
  { wire: 'away', subject: relayed(networkd), story: configures('systemd-networkd') },
  { wire: 'near', firmware: 'bios', subject: rom, chained: { file: 'undionly.kpxe', subject: undionly } },
  { wire: 'near', firmware: 'ovmf', subject: ovmf, chained: { file: 'snponly.efi', subject: snponly } },
  { wire: 'near', firmware: 'ovmf', subject: null, chained: { file: 'grub.efi', subject: grubEfi } },
  { wire: 'near', firmware: 'ovmf-http', subject: ovmfHttp, bootfile: 'http://192.0.2.1/snponly.efi' },
  {
    wire: 'near',
    firmware: 'bios',
    subject: { ...rom, name: 'ipxe-rom-boot-server', client: `${rom.client}, told to ask a boot server` },
    asksBootServer: true,
  },
  {
    wire: 'near',
    firmware: 'ovmf',
    subject: { ...ovmf, name: 'ovmf-boot-server', client: `${ovmf.client}, told to ask a boot server` },
    asksBootServer: true,
  },
  {
    wire: 'near',
    firmware: 'ovmf-ia32',
    subject: { name: 'ovmf-ia32', client: 'EDK2 %V, OVMF IA32, PXE over IPv4', debian: 'ovmf-ia32' },
    bootfile: 'grub.efi',
  },
  {
    wire: 'near',
    firmware: 'aavmf',
    subject: { name: 'aavmf', client: 'EDK2 %V, AAVMF (arm64), PXE over IPv4', debian: 'qemu-efi-aarch64' },
    bootfile: 'grub.efi',
  },
  {
    wire: 'near',
    firmware: 'aavmf-http',
    subject: { name: 'aavmf-http', client: 'EDK2 %V, AAVMF (arm64), HTTP boot over IPv4', debian: 'qemu-efi-aarch64' },
    bootfile: 'http://192.0.2.1/ipxe-arm64.efi',
  },
  {
    wire: 'away',
    firmware: 'bios',
    subject: relayed(rom),
    chained: { file: 'undionly.kpxe', subject: relayed(undionly) },
  },
  {
    wire: 'away',
    firmware: 'ovmf',
    subject: relayed(ovmf),
    chained: { file: 'grub.efi', subject: relayed(grubEfi) },
  },
  { wire: 'away', firmware: 'ovmf-http', subject: relayed(ovmfHttp), bootfile: 'http://192.0.2.1/snponly.efi' },
  { wire: 'near', firmware: 'bios', subject: null, chained: { file: 'grub.pxe', subject: grubPc } },
  {
    wire: 'near',
    firmware: 'ovmf-ia32-http',
    subject: { name: 'ovmf-ia32-http', client: 'EDK2 %V, OVMF IA32, HTTP boot over IPv4', debian: 'ovmf-ia32' },
    bootfile: 'http://192.0.2.1/ipxe-ia32.efi',
  },
]

const placeOf = (session: Session, index: number): Place => {
  const [network, first] = session.wire === 'near' ? ['192.0.2', 0x20] : ['198.51.100', 0x80]
  const place = {
    wire: session.wire,
    mac: `00:00:5e:00:53:${(first + index).toString(16)}`,
    ip: `${network}.${100 + index}`,
  }
  if ('story' in session) return place
  const bootfile = session.chained?.file ?? session.bootfile
  return {
    ...place,
    ...(bootfile === undefined ? {} : { bootfile }),
    asksBootServer: session.asksBootServer ?? false,
  }
}

async function take(lab: CaptureLab, session: Session, place: Place): Promise<void> {
  console.log(`${subjectsOf(session).join(', ')} …`)
  if ('story' in session) await session.story(lab, place)
  else await bootMachine(lab, place, session.firmware, session.chained !== undefined)
  const { before, since } = lab.sent(place)
  if (session.subject !== null) await write(session.subject, before)
  if ('chained' in session) await write(session.chained.subject, since)
}

async function write({ name, client, debian }: Subject, messages: readonly Captured[]): Promise<void> {
  const { stdout: version } = await run('dpkg-query', ['--show', '--showformat=${Version}', debian])
  const capture = { name, client: client.replace('%V', version), messages }
  await writeFile(join(corpusFolder, `${name}.hex`), captureText(capture))
  for (const { title } of messages) console.log(`  ${name}: ${title}`)
}

const subjectsOf = (session: Session): readonly string[] => [
  ...(session.subject === null ? [] : [session.subject.name]),
  ...('chained' in session ? [session.chained.subject.name] : []),
]

/** GRUBs whose configuration is to ask by themselves, and iPXE. */
async function fillFolder(folder: string): Promise<void> {
  const { root } = await unpackDebian()
  for (const file of ['undionly.kpxe', 'snponly.efi'])
    await copyFile(join(root, 'usr/lib/ipxe', file), join(folder, file))
  const config = join(folder, 'grub.cfg')
  await writeFile(config, 'net_dhcp\nsleep 60\n')
  for (const [format, driver, file] of [
    ['x86_64-efi', 'efinet', 'grub.efi'],
    ['i386-pc-pxe', 'pxe', 'grub.pxe'],
  ] as const) {
    const image = [`--format=${format}`, `--config=${config}`, '--prefix=/grub', `--output=${join(folder, file)}`]
    await run('grub-mkimage', [...image, driver, 'net', 'tftp', 'sleep'])
  }
}

async function main(wanted: readonly string[]): Promise<void> {
  requireClients()
  requireHostFiles([
    ...machineNeeds,
    { file: 'grub-mkimage', debian: 'grub-common' },
    { file: '/usr/lib/grub/x86_64-efi/efinet.mod', debian: 'grub-efi-amd64-bin' },
    { file: '/usr/lib/grub/i386-pc/pxe.mod', debian: 'grub-pc-bin' },
  ])
  const lab = await openCaptureLab(sessions.map(placeOf))
  try {
    await fillFolder(lab.folder)
    for (const [index, session] of sessions.entries())
      if (wanted.length === 0 || subjectsOf(session).some((name) => wanted.includes(name)))
        await take(lab, session, placeOf(session, index))
  } finally {
    await lab.close()
  }
}

await main(process.argv.slice(2))
