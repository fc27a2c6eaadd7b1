// One emulated PC: a network card, a disk and a serial console, and nothing else.
import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, truncate, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { cacheFolder, logFolder } from './packages.ts'
import { ended, type Cable, type Network } from './network.ts'

/**
 * `uefi` starts PXE first, `uefi-http` has no PXE and starts HTTP boot, `uefi-secure` is `uefi` with Secure Boot on, and
 * `uefi-pxe6` has PXE over IPv6 alone.
 */
export type Firmware = 'bios' | 'uefi' | 'uefi-http' | 'uefi-secure' | 'uefi-pxe6'

interface MachineOptions {
  /** Names the log file `.cache/boot/logs/NAME.log`. */
  readonly name: string
  readonly firmware: Firmware
  readonly mac: string
  /** Made by `makeDisk`. */
  readonly disk: string
  readonly tap: string | Cable
  readonly memoryMiB?: number
  readonly cpus?: number
  /** A Unix socket to make; a port of the machine (/dev/vport…) is its other end. */
  readonly port?: string
  /** Where to write the network's packets in pcap format. */
  readonly capture?: string
}

export interface Machine {
  /**
   * The first console line after the last one waited for that matches. Throws when the time is up, when the machine
   * switches itself off first, or when a line matches `never`; the error shows the end of the console.
   */
  readonly waitFor: (wanted: RegExp, options?: Readonly<{ never?: RegExp; timeoutMs?: number }>) => Promise<string>
  /** Everything it has printed so far, without escape sequences. */
  readonly console: () => string
  /** Waits until it has switched itself off. */
  readonly off: (timeoutMs?: number) => Promise<void>
  readonly secondsOn: () => number
  /** As if somebody pulled the plug. */
  readonly cutPower: () => Promise<void>
  readonly stop: () => Promise<void>
}

const ovmf = '/usr/share/OVMF'

/** Several times what any step takes when the emulator has the processors for itself. */
const patienceMs = 120_000

/**
 * Before everything else on the host: what is emulated counts real seconds, and Xen's tools give up after forty. Where the
 * kernel groups processes by session, a session's niceness is what counts (sched(7), "The autogroup feature").
 */
const ahead = '{ echo -15 >/proc/self/autogroup; } 2>/dev/null; exec nice -n -15 "$0" "$@"'

/** An empty disk at `.cache/boot/NAME.raw`; sparse. */
export const makeDisk = async (name: string, mebibytes = 256): Promise<string> => {
  await mkdir(cacheFolder, { recursive: true })
  const disk = join(cacheFolder, `${name}.raw`)
  await writeFile(disk, '')
  await truncate(disk, mebibytes * 2 ** 20)
  return disk
}

export const startMachine = async (network: Network, options: MachineOptions): Promise<Machine> => {
  await mkdir(logFolder, { recursive: true })
  const log = createWriteStream(join(logFolder, `${options.name}.log`))
  const arguments_ = [...common(options), ...(await firmwareArguments(options))]
  log.write(`--- ${new Date().toISOString()} qemu-system-x86_64 ${arguments_.join(' ')}\n`)
  const qemu = network.spawn('setsid', ['sh', '-c', ahead, 'qemu-system-x86_64', ...arguments_], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const poweredOn = performance.now()
  const secondsOn = () => (performance.now() - poweredOn) / 1000
  const lines: string[] = []
  let read = 0
  let partial = ''
  let wake = () => {}
  const note = (line: string) => {
    lines.push(line)
    log.write(`${secondsOn().toFixed(2).padStart(8)} ${line}\n`)
  }
  const take = (chunk: Buffer) => {
    const pieces = (partial + chunk.toString('latin1')).split(/[\r\n]+/)
    partial = pieces.pop() ?? ''
    for (const line of pieces.map(plain)) if (line !== '') note(line)
    wake()
  }
  qemu.stdout?.on('data', take)
  qemu.stderr?.on('data', take)
  let running = true
  const closed = once(qemu, 'close').then(() => {
    if (partial !== '') note(plain(partial))
    running = false
    note(`(off after ${secondsOn().toFixed(1)} s)`)
    log.end()
    wake()
  })

  const failure = (why: string) =>
    new Error(`${options.name}: ${why}; its console ends\n${lines.slice(-30).join('\n')}`)

  const waitFor: Machine['waitFor'] = async (wanted, { never, timeoutMs = patienceMs } = {}) => {
    const deadline = performance.now() + timeoutMs
    while (true) {
      while (read < lines.length) {
        const line = lines[read++] ?? ''
        if (never?.test(line)) throw failure(`"${line}" where only ${String(wanted)} may come`)
        if (wanted.test(line)) return line
      }
      const remaining = deadline - performance.now()
      if (!running) throw failure(`switched off before ${String(wanted)}`)
      if (remaining <= 0) throw failure(`no ${String(wanted)} in ${String(timeoutMs / 1000)} s`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, remaining)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  const off = async (timeoutMs = 30_000) => {
    const timer = setTimeout(() => void ended(qemu, 'SIGKILL'), timeoutMs)
    await closed
    clearTimeout(timer)
    if (qemu.signalCode === 'SIGKILL') throw failure(`still on after ${String(timeoutMs / 1000)} s`)
  }

  const stopBy = (signal: NodeJS.Signals) => async () => {
    await ended(qemu, signal)
    await closed
  }
  const [stop, cutPower] = [stopBy('SIGTERM'), stopBy('SIGKILL')]
  return { waitFor, console: () => lines.join('\n'), off, secondsOn, cutPower, stop }
}

/** `qemu64`: under TCG `max` corrupts memory. The card comes before the disk in the boot order, always. */
const common = (options: MachineOptions): readonly string[] => [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', String(options.cpus ?? 2)],
  ...['-m', String(options.memoryMiB ?? 1024)],
  ...['-uuid', `00000000-0000-4000-8000-${options.mac.replaceAll(':', '')}`], // PXELINUX asks for a file of that name first
  ...['-nodefaults', '-display', 'none', '-vga', 'none', '-serial', 'stdio'],
  ...['-netdev', netdev(options)],
  ...['-drive', `if=none,id=disk0,format=raw,file=${options.disk},cache=unsafe`],
  ...['-device', 'virtio-blk-pci,drive=disk0,serial=disk0,bootindex=2'],
  ...(options.port === undefined
    ? []
    : [
        ...['-chardev', `socket,id=port0,path=${options.port},server=on,wait=off`],
        ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=port0,name=test'],
      ]),
  ...(options.capture ? ['-object', `filter-dump,id=dump0,netdev=net0,file=${options.capture}`] : []),
]

const netdev = ({ tap, capture }: MachineOptions): string =>
  typeof tap === 'string'
    ? `tap,id=net0,ifname=${tap},script=no,downscript=no${capture ? ',vnet_hdr=off' : ''}`
    : `dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=${String(tap.machine)},remote.type=inet,remote.host=127.0.0.1,remote.port=${String(tap.cable)}`

const firmwareArguments = async (options: MachineOptions): Promise<readonly string[]> => {
  const card = `virtio-net-pci,netdev=net0,mac=${options.mac},bootindex=1`
  switch (options.firmware) {
    case 'bios':
      return ['-machine', 'q35,graphics=off', '-device', card] // graphics=off: SeaBIOS and iPXE speak on the serial port
    case 'uefi':
    case 'uefi-http':
    case 'uefi-pxe6':
    case 'uefi-secure': {
      const secure = options.firmware === 'uefi-secure'
      const variables = `${options.disk}.efivars` // beside the disk: the firmware's own memory of its boot options
      await copyFile(`${ovmf}/OVMF_VARS_4M${secure ? '.ms' : ''}.fd`, variables)
      const flash = (unit: number, file: string, more = '') => [
        '-drive',
        `if=pflash,format=raw,unit=${String(unit)},file=${file}${more}`,
      ]
      return [
        ...['-machine', secure ? 'q35,smm=on' : 'q35'],
        ...(secure ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
        ...flash(0, `${ovmf}/OVMF_CODE_4M${secure ? '.secboot' : ''}.fd`, ',readonly=on'),
        ...flash(1, variables),
        ...noPxe(4, ['uefi-http', 'uefi-pxe6'].includes(options.firmware)),
        ...noPxe(6, options.firmware !== 'uefi-pxe6'),
        ...['-device', `${card},romfile=`], // no option ROM: the firmware's own driver and its own PXE
      ]
    }
  }
}

const noPxe = (version: 4 | 6, isOff: boolean): readonly string[] =>
  isOff ? ['-fw_cfg', `name=opt/org.tianocore/IPv${String(version)}PXESupport,string=n`] : []

/** A console line as a person would read it: no colours, no cursor movements. */
const plain = (line: string): string =>
  line
    .replaceAll(/\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>c])/g, '')
    .replaceAll(/[\x00-\x08\x0b-\x1f]/g, '')
    .trim()
