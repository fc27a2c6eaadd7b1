// What a Dom0 pulls: one line a file, sorted, so that an unchanged inventory gives identical bytes.

type ManifestEntries = Readonly<{
  dom0: string
  /** Guest configurations, by their path on this server: `dom0/HOSTNAME/…`. */
  files: readonly ManifestFile[]
  /** Install kernels and initrds of guests. */
  images: readonly ManifestFile[]
  /** Guests whose rows are bad: their configurations on the Dom0, if it has any, stay as they are. */
  withheld: readonly string[]
}>
type ManifestFile = Readonly<{ path: string; sha256: string }>

/**
 * Lines of fields separated by one space, for a shell to read: `file SHA256 MODE DESTINATION PATH` (PATH on this
 * server, DESTINATION relative to the Dom0's folder for that kind: `xen/…` is /etc/xen, `libvirt/…` the folder for domain
 * XML, `boot/…` the boot folder), `keep GUEST`, and a last line `end COUNT` that shows a truncated copy.
 */
export function renderManifest({ dom0, files, images, withheld }: ManifestEntries): string {
  const own = `dom0/${dom0}/`
  const configs = files.map(({ path, sha256 }) => ({ path, sha256, mode: '0600', place: path.slice(own.length) }))
  const boots = images.map(({ path, sha256 }) => ({
    path,
    sha256,
    mode: '0644',
    place: path.replace(/^images\//, 'boot/'),
  }))
  const lines = [...configs, ...boots]
    .sort((a, b) => (a.place > b.place ? 1 : a.place < b.place ? -1 : 0))
    .map(({ sha256, mode, place, path }) => `file ${sha256} ${mode} ${place} ${path}`)
    .concat(withheld.map((guest) => `keep ${guest}`))
  const once = [...new Set(lines)]
  return [`# bootstead manifest 1 ${dom0}`, ...once, `end ${once.length}`, ''].join('\n')
}
