// What loaders ask for before they know a machine: constant files that lead to its own menu.
import type { Server } from '../plan/server.ts'
import type { TemplateEngine } from './templates.ts'

/** Where a DHCP daemon sends iPXE that can't name a machine's own script. */
export const ipxeEntry = 'ipxe/boot.ipxe'

/** By path, their templates; GRUB's netboot images ask at different paths. */
const entries: ReadonlyMap<string, string> = new Map([
  ['grub/grub.cfg', 'pxe/grub-entry.cfg'],
  ['grub/x86_64-efi/grub.cfg', 'pxe/grub-entry.cfg'],
  ['grub/arm64-efi/grub.cfg', 'pxe/grub-entry.cfg'],
  [ipxeEntry, 'pxe/ipxe-entry.ipxe'],
])

export const entryPaths: readonly string[] = [...entries.keys()]

/** Null for any other path. @throws TemplateError for a mistake in a site's own template */
export function renderEntry({ httpPort }: Server, engine: TemplateEngine, path: string): string | null {
  const template = entries.get(path)
  if (template === undefined) return null
  return engine.render(template, { port: httpPort === 80 ? '' : `:${httpPort}` }, [], path)
}
