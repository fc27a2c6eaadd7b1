// What each release's installer understands on its kernel command line. Rows with sources, not branches.
import type { Family } from '../inventory/rows.ts'

/** How the installer takes its static network settings. */
type NetworkStyle = 'anaconda-loader' | 'dracut' | 'netcfg'

export type ReleaseQuirks = Readonly<{
  family: Family
  /** First and last major version this row holds for. */
  from: number
  to: number
  kickstartArg: 'ks' | 'inst.ks' | 'auto=true priority=critical url'
  /** `mirror`: not one argument but an answer to each question of choose-mirror. */
  treeArg: 'method' | 'repo' | 'inst.repo' | 'mirror'
  rescueArg: 'rescue' | 'inst.rescue' | 'rescue/enable=true'
  network: NetworkStyle
  /** `ksdevice`, or netcfg's `interface`, takes a MAC as well as a name. */
  ksdeviceTakesMac: boolean
  /** Text mode, for an installer on a serial console. */
  textArg: 'text' | 'inst.text' | 'DEBIAN_FRONTEND=text'
  /** Characters that its kernel keeps of a command line: COMMAND_LINE_SIZE of arch/x86 less the end. */
  commandLineLength: 255 | 2047
  /** Its installer drives virtio disks and cards. */
  virtio: boolean
  source: string
}>

const releases: readonly ReleaseQuirks[] = [
  {
    family: 'el',
    from: 4,
    to: 4,
    kickstartArg: 'ks',
    treeArg: 'method',
    rescueArg: 'rescue',
    network: 'anaconda-loader',
    ksdeviceTakesMac: false,
    textArg: 'text',
    commandLineLength: 255,
    virtio: false,
    source: 'anaconda 10.1 docs/command-line.txt: ks=, ksdevice=<interface>, ip=, netmask=, gateway=, dns=',
  },
  {
    family: 'el',
    from: 5,
    to: 5,
    kickstartArg: 'ks',
    treeArg: 'method',
    rescueArg: 'rescue',
    network: 'anaconda-loader',
    ksdeviceTakesMac: true,
    textArg: 'text',
    commandLineLength: 255,
    virtio: false,
    source: 'anaconda 11.1 docs/command-line.txt: ksdevice=<interface|MAC|link|bootif>',
  },
  {
    family: 'el',
    from: 6,
    to: 6,
    kickstartArg: 'ks',
    treeArg: 'repo',
    rescueArg: 'rescue',
    network: 'anaconda-loader',
    ksdeviceTakesMac: true,
    textArg: 'text',
    commandLineLength: 2047,
    virtio: true,
    source: 'anaconda 13.21 docs/command-line.txt: repo= replaces method=',
  },
  {
    family: 'el',
    from: 7,
    to: 10,
    kickstartArg: 'inst.ks',
    treeArg: 'inst.repo',
    rescueArg: 'inst.rescue',
    network: 'dracut',
    ksdeviceTakesMac: false,
    textArg: 'inst.text',
    commandLineLength: 2047,
    virtio: true,
    source: 'anaconda boot options (docs/boot-options.rst) and dracut.cmdline(7); EL 9 refuses them without inst.',
  },
  {
    family: 'fedora',
    from: 17,
    to: 999,
    kickstartArg: 'inst.ks',
    treeArg: 'inst.repo',
    rescueArg: 'inst.rescue',
    network: 'dracut',
    ksdeviceTakesMac: false,
    textArg: 'inst.text',
    commandLineLength: 2047,
    virtio: true,
    source: 'anaconda boot options (docs/boot-options.rst) and dracut.cmdline(7)',
  },
  {
    family: 'debian',
    from: 7,
    to: 13,
    kickstartArg: 'auto=true priority=critical url',
    treeArg: 'mirror',
    rescueArg: 'rescue/enable=true',
    network: 'netcfg',
    ksdeviceTakesMac: true,
    textArg: 'DEBIAN_FRONTEND=text',
    commandLineLength: 2047,
    virtio: true,
    source:
      'debian-installer: Installation Guide 5.3 and B.2; netcfg 1.64 (choose_interface takes a MAC), 1.99 (hostname), 1.108 (disable_autoconfig): all in Debian 7',
  },
]

/** The row for a release, or null when we know no installer of that family and version. */
export function releaseQuirks(family: Family, version: string): ReleaseQuirks | null {
  const major = majorOf(version)
  return releases.find((row) => row.family === family && row.from <= major && major <= row.to) ?? null
}

export function majorOf(version: string): number {
  return Number(version.split('.')[0])
}
