// Copies every machine's install file, as our server gives it to that machine alone: `storm-copy.ts LIST FOLDER`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBrowser } from './storm-http.ts'

export type InstallFile = Readonly<{ own: string; url: string }>

const [, , list = '', folder = ''] = process.argv
for (const { own, url } of JSON.parse(readFileSync(list, 'utf8')) as readonly InstallFile[]) {
  const { hostname, pathname } = new URL(url)
  const browser = await openBrowser(own, hostname)
  writeFileSync(join(folder, pathname), await browser.fetch(new URL(url)))
  browser.close()
}
