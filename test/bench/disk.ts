// A file system of its own for what is measured: ext4 passes over inodes that were deleted within the last minutes one by
// one, so that after a test run on the same disk every new file would cost thirty times as much.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const size = 16 * 2 ** 30
const bytesPerInode = 4096

/** A new ext4 in a sparse file, mounted; a mount namespace of the caller's keeps it to itself. Needs root. */
export function openDisk(folder: string): Readonly<{ folder: string; close: () => void }> {
  const [image, mountpoint] = [join(folder, 'ext4'), join(folder, 'disk')]
  mkdirSync(mountpoint, { recursive: true })
  writeFileSync(image, '')
  truncateSync(image, size)
  execFileSync('mkfs.ext4', ['-q', '-i', String(bytesPerInode), image])
  execFileSync('mount', ['-o', 'loop,noinit_itable', image, mountpoint])
  return {
    folder: mountpoint,
    close: () => {
      execFileSync('umount', [mountpoint])
      rmSync(image)
    },
  }
}
