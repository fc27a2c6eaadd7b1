// Emulated PCs that do nothing but boot from the network: no disk, and their console goes to a file.
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ended } from '../boot/network.ts'
import { logFolder } from '../boot/packages.ts'
import type { CaptureLab, Place } from './lab.ts'
import { until } from './lab.ts'

export type Firmware = 'bios' | 'ovmf' | 'ovmf-http' | 'ovmf-ia32' | 'ovmf-ia32-http' | 'aavmf' | 'aavmf-http'

type Row = Readonly<{
  /** `qemu-system-…` and what makes a machine of that kind. */
  argv: readonly string[]
  /** Firmware and its variables; a BIOS is QEMU's own, and boots by the option ROM of the card. */
  flash: Readonly<{ code: string; variables: string }> | null
  /** Without PXE UEFI goes on to HTTP boot. */
  http: boolean
}>

const x86 = ['qemu-system-x86_64', '-cpu', 'qemu64', '-machine'] // `max` corrupts memory under TCG
const smm = [...x86, 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on']
const arm = ['qemu-system-aarch64', '-cpu', 'cortex-a57', '-machine', 'virt']
const [ovmf, aavmf] = ['/usr/share/OVMF', '/usr/share/AAVMF']
const ovmfFlash = { code: `${ovmf}/OVMF_CODE_4M.fd`, variables: `${ovmf}/OVMF_VARS_4M.fd` }
const ia32Flash = { code: `${ovmf}/OVMF32_CODE_4M.secboot.fd`, variables: `${ovmf}/OVMF32_VARS_4M.fd` }
const aavmfFlash = { code: `${aavmf}/AAVMF_CODE.fd`, variables: `${aavmf}/AAVMF_VARS.fd` }

const rows: Readonly<Record<Firmware, Row>> = {
  bios: { argv: [...x86, 'q35,graphics=off'], flash: null, http: false },
  ovmf: { argv: [...x86, 'q35'], flash: ovmfFlash, http: false },
  'ovmf-http': { argv: [...x86, 'q35'], flash: ovmfFlash, http: true },
  'ovmf-ia32': { argv: smm, flash: ia32Flash, http: false },
  'ovmf-ia32-http': { argv: smm, flash: ia32Flash, http: true },
  aavmf: { argv: arm, flash: aavmfFlash, http: false },
  'aavmf-http': { argv: arm, flash: aavmfFlash, http: true },
}

export const machineNeeds = [
  { file: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
  { file: 'qemu-system-aarch64', debian: 'qemu-system-arm' },
  { file: '/usr/lib/ipxe/qemu/pxe-virtio.rom', debian: 'ipxe-qemu' },
  { file: ovmfFlash.code, debian: 'ovmf' },
  { file: ia32Flash.code, debian: 'ovmf-ia32' },
  { file: aavmfFlash.code, debian: 'qemu-efi-aarch64' },
]

/** The identifier that option 97 carries. */
export const uuidOf = (mac: string): string => `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`

/** Several times what firmware takes to its first request under TCG. */
const patienceMs = 180_000

/** Powers a machine on and leaves it on until its firmware, and its loader if it is given one, have sent a REQUEST. */
export async function bootMachine(lab: CaptureLab, place: Place, firmware: Firmware, chains: boolean): Promise<void> {
  const { tap, host } = await lab.plugMachine(place)
  await mkdir(logFolder, { recursive: true })
  const { argv, flash, http } = rows[firmware]
  const log = join(logFolder, `capture-${firmware}-${place.mac.slice(-2)}.log`)
  const card = `virtio-net-pci,netdev=net0,mac=${place.mac},bootindex=1`
  const variables = join(lab.folder, 'variables.fd')
  if (flash !== null) await copyFile(flash.variables, variables)
  const words = [
    ...argv,
    ...['-m', '512', '-accel', 'tcg', '-nodefaults', '-display', 'none', '-serial', `file:${log}`],
    ...['-uuid', uuidOf(place.mac), '-netdev', `tap,id=net0,ifname=${tap},script=no,downscript=no`],
    ...(flash === null
      ? ['-device', card]
      : [
          ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${flash.code}`],
          ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
          ...['-device', `${card},romfile=`], // no option ROM: the firmware's own driver and its own PXE
          ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
          ...(http ? ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n'] : []),
        ]),
  ]
  const machine = host.spawn('nice', words, { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    const port = place.asksBootServer === true ? 4011 : 67
    const asked = (): boolean => {
      const { before, since } = lab.sent(place)
      return (chains ? since : before).some((one) => one.port === port && one.title.startsWith('REQUEST '))
    }
    await until(`REQUEST of ${firmware} ${place.mac} to port ${port} (console: ${log})`, asked, patienceMs)
  } finally {
    await ended(machine)
  }
}
