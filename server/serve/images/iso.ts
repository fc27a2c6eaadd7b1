// An ISO 9660 image unpacked into a folder. By xorriso and not bsdtar: it restores Rock Ridge names and modes, follows
// multi-extent files of DVDs beyond 4 GiB, and makes the images of our tests, so one Debian package serves for both.
import { execFile } from 'node:child_process'
import { chmod, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { errorCode } from './library.ts'

const run = promisify(execFile)

/** ECMA-119 §8.4: the primary volume descriptor is sector 16; the volume's size is at 80, its block size at 128. */
const DESCRIPTOR_OFFSET = 16 * 2048
const SIZE_OFFSET = 80
const BLOCK_SIZE_OFFSET = 128

/**
 * Everything in the ISO into an empty folder, readable by all, without devices (xorriso leaves them out) and FIFOs.
 * @throws when it is no ISO, cut short, too large for the disk, or xorriso is missing
 */
export async function extractIso(path: string, folder: string): Promise<void> {
  const iso = resolve(path)
  await checkIso(iso, folder)
  // xorriso takes what isn't an ISO for an empty one, hence the checks of our own; -no_rc: nobody's habits from ~/.xorrisorc.
  const args = ['-no_rc', '-abort_on', 'SORRY', '-return_with', 'SORRY', '32', '-osirrox', 'on:auto_chmod_on']
  try {
    await run('xorriso', [...args, '-indev', `stdio:${iso}`, '-extract', '/', resolve(folder)], {
      maxBuffer: 64 * 1024 * 1024,
    })
    await makeReadable(folder)
    await run('sync', ['--file-system', folder])
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT')
      throw new Error('reading an ISO needs the program xorriso: apt-get install xorriso', { cause })
    throw new Error(`unpack ${iso}: ${complaintOf(cause)}`, { cause })
  }
}

async function checkIso(iso: string, folder: string): Promise<void> {
  const found = await stat(iso).catch((cause: unknown) => {
    throw errorCode(cause) === 'ENOENT' ? new Error(`${iso}: no such file`, { cause }) : cause
  })
  if (!found.isFile()) throw new Error(`${iso} is not a regular file`) // copy a CD drive's disc with dd first
  const size = await volumeBytes(iso)
  if (size === null) throw new Error(`${iso} is not an ISO 9660 image`)
  if (found.size < size) throw new Error(`${iso} is cut short: ${found.size} of ${size} bytes; fetch it again`)
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < size) throw new Error(`${iso} needs ${size} bytes, and ${folder} has ${bavail * bsize} left`)
}

/** The size the image says of itself, or null when it isn't one. */
async function volumeBytes(iso: string): Promise<number | null> {
  const file = await open(iso, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2048), 0, 2048, DESCRIPTOR_OFFSET)
    if (bytesRead < 2048 || buffer.toString('latin1', 0, 6) !== '\x01CD001') return null
    return buffer.readUInt32LE(SIZE_OFFSET) * buffer.readUInt16LE(BLOCK_SIZE_OFFSET)
  } finally {
    await file.close()
  }
}

/** ISOs carry modes such as r-x------, which the doors could not read nor we remove. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (entry.isFile()) await chmod(path, 0o644)
    else if (!entry.isSymbolicLink()) await rm(path)
  }
}

/** The lines in which xorriso says what went wrong. */
function complaintOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  const complaints = stderr.split('\n').filter((line) => / : (SORRY|FAILURE|FATAL|ABORT) : /.test(line))
  return complaints.length > 0 ? complaints.join('; ') : String(error)
}
