// The param partitions, written for kickstarts, in the words of partman, debian-installer's partitioner.
// Sources: partman-auto 177 lib/recipes.sh (recipes: megabytes, factor, largest, file system, then files of the
// partition), pykickstart's part command (sizes are MiB).
import { kickstartWords, shellWord, textOf } from './quoting.ts'

type Partition = Readonly<{
  mountpoint: string
  /** `ext4`, `swap`, `efi`, `biosboot`. */
  filesystem: string
  sizeMiB: number | null
  maxMiB: number | null
  grow: boolean
  primary: boolean
  /** The partition that is there already: `/dev/sda5`. */
  device: string | null
}>

/** @throws Error for an option that partman has no word for */
function parsePartition(value: unknown): Partition {
  const words = Array.isArray(value)
    ? value.map(textOf)
    : textOf(value)
        .split(' ')
        .filter((word) => word !== '')
  const shown = kickstartWords(value)
  const [mountpoint = '', ...options] = words
  if (!/^(\/[A-Za-z0-9._/-]*|swap|biosboot)$/.test(mountpoint))
    throw new Error(`partition ${shown}: Debian's begin with a mount point, swap or biosboot`)
  const given = new Map(options.map((option) => [option.split('=')[0] ?? '', option.split('=').slice(1).join('=')]))
  for (const option of given.keys())
    if (!known.includes(option))
      throw new Error(`partition ${shown}: debian-installer has nothing like ${option}; it knows ${known.join(', ')}`)
  const number = (option: string): number | null => {
    const text = given.get(option)
    if (text === undefined) return null
    if (!/^\d{1,9}$/.test(text)) throw new Error(`partition ${shown}: ${option} is no number of MiB`)
    return Number(text)
  }
  const special = mountpoint === 'swap' || mountpoint === 'biosboot' ? mountpoint : null
  const filesystem = special ?? given.get('--fstype') ?? 'ext4'
  if (!/^[a-z0-9]+$/.test(filesystem)) throw new Error(`partition ${shown}: ${filesystem} is no file system`)
  const device = given.get('--onpart')
  return {
    mountpoint,
    filesystem,
    sizeMiB: number('--size'),
    maxMiB: number('--maxsize'),
    grow: given.has('--grow'),
    primary: given.has('--asprimary'),
    device: device === undefined ? null : `/dev/${device.replace(/^\/dev\//, '')}`,
  }
}

const known: readonly string[] = ['--fstype', '--size', '--maxsize', '--grow', '--asprimary', '--onpart']

const megabytes = (mib: number): number => Math.ceil((mib * 1048576) / 1e6)

/** One partition of an expert_recipe. */
export function partmanRecipe(value: unknown): string {
  const partition = parsePartition(value)
  const { mountpoint, filesystem, sizeMiB, maxMiB, grow, primary, device } = partition
  if (device !== null)
    throw new Error(`partition ${kickstartWords(value)}: --onpart is for keep_partitions; else give --size`)
  if (sizeMiB === null) throw new Error(`partition ${kickstartWords(value)}: give its --size in MiB`)
  const size = megabytes(sizeMiB)
  const largest = maxMiB !== null ? megabytes(maxMiB) : grow ? -1 : size
  const factor = largest === size ? size : size + 1_000_000 // ahead of those that have their size
  const name =
    filesystem === 'swap' ? 'linux-swap' : filesystem === 'efi' || filesystem === 'biosboot' ? 'free' : filesystem
  const uses = usesOf(partition)
    .map(([file, text]) => `${file}{ ${text === '' ? '' : `${text} `}}`)
    .join(' ')
  const flags = primary || mountpoint === '/boot' ? '$primary{ } ' : ''
  return `${size} ${factor} ${largest} ${name} ${flags}${uses} .`
}

/** What becomes of a partition: partman keeps each of these as a file of that name. */
function usesOf({ mountpoint, filesystem }: Partition): readonly (readonly [name: string, value: string])[] {
  switch (filesystem) {
    case 'swap':
      return [
        ['method', 'swap'],
        ['format', ''],
      ]
    case 'efi':
      return [
        ['method', 'efi'],
        ['format', ''],
      ]
    case 'biosboot':
      return [['method', 'biosgrub']]
    default:
      return [
        ['method', 'format'],
        ['format', ''],
        ['use_filesystem', ''],
        ['filesystem', filesystem],
        ['mountpoint', mountpoint],
      ]
  }
}

/** The arguments of `use_partition` in pre-partman.sh: the device, then what becomes of it. */
export function partmanUse(value: unknown): string {
  const partition = parsePartition(value)
  if (partition.device === null)
    throw new Error(`partition ${kickstartWords(value)}: keep_partitions needs each with --onpart`)
  const uses = usesOf(partition).map(([name, text]) => `${name}=${text}`)
  return [partition.device, ...uses].map(shellWord).join(' ')
}
