// What a Dom0 pulls: one line a file, sorted, so that an unchanged inventory gives identical bytes.

export type ManifestEntries = Readonly<{
  dom0: string
  /** Guest configurations, by their path on this server. */
  files: readonly ManifestFile[]
  /** Install kernels and initrds of guests. */
  images: readonly ManifestFile[]
  /** Guests whose rows are bad: their configurations on the Dom0, if it has any, stay as they are. */
  withheld: readonly string[]
}>
type ManifestFile = Readonly<{ path: string; sha256: string }>

/**
 * Lines of fields separated by one space, for a shell to read: `file SHA256 MODE DESTINATION PATH` (PATH on this
 * server, DESTINATION relative to the Dom0's folder for that kind: `xen/…` is /etc/xen, `boot/…` the boot folder),
 * `keep GUEST`, and a last line `end COUNT` that shows a truncated copy.
 */
export function renderManifest({ dom0, files, images, withheld }: ManifestEntries): string {
  const configs = files.map(({ path, sha256 }) => `file ${sha256} 0600 xen/${path.split('/').at(-1) ?? ''} ${path}`)
  const boots = images.map(({ path, sha256 }) => `file ${sha256} 0644 boot/${path.replace(/^images\//, '')} ${path}`)
  const lines = [...new Set([...configs, ...boots])].sort().concat(withheld.map((guest) => `keep ${guest}`))
  return [`# bootstead manifest 1 ${dom0}`, ...lines, `end ${lines.length}`, ''].join('\n')
}
