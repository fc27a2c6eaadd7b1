// Every code block of the documents is run, or checked by the program that reads such files, or says why not.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { blocksOf } from './blocks.ts'
import type { Played } from './play.ts'

const checkout = join(import.meta.dirname, '../..')
const compiled = mkdtempSync(join(tmpdir(), 'bootstead-docs-'))
after(() => rmSync(compiled, { recursive: true, force: true }))

const documents = [
  'README.md',
  ...readdirSync(join(checkout, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .toSorted(),
]
const blocks = new Map(documents.map((name) => [name, blocksOf(readFileSync(join(checkout, name), 'utf8'))]))

const packages: readonly (readonly [program: string, debian: string])[] = [
  ['unshare', 'util-linux'],
  ['ip', 'iproute2'],
  ['python3', 'python3'],
  ['curl', 'curl'],
  ['jq', 'jq'],
  ['make', 'make'],
  ['xorriso', 'xorriso'],
  ['openssl', 'openssl'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['dhcpd', 'isc-dhcp-server'],
  ['kea-dhcp4', 'kea-dhcp4-server'],
  ['dnsmasq', 'dnsmasq-base'],
  ['radvd', 'radvd'],
  ['grub-script-check', 'grub-common'],
  ['systemd-analyze', 'systemd'],
]

before(() => {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  for (const [program, debian] of packages)
    if (spawnSync('which', [program], { env: { PATH: path } }).status !== 0)
      throw new Error(`this test needs ${program}: apt-get install ${debian}`)
  // Types are checked elsewhere; the documents' commands start in half the time.
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(checkout, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--noCheck', '--outDir', compiled],
    { cwd: checkout, encoding: 'utf8' },
  )
  assert.equal(status, 0, stdout)
})

describe('the documents’ commands do what the documents say', { concurrency: 2 }, () => {
  for (const [document, inIt] of blocks)
    if (inIt.some(({ treatment }) => treatment.kind !== 'not run'))
      test(document, async (t) => {
        const played = await play(document)
        for (const { line, problem } of played)
          await t.test(`line ${line}`, () => {
            if (problem !== null) assert.fail(`${document}:${line}: ${problem}`)
          })
        const unplayed = inIt.filter(
          ({ line, treatment }) => treatment.kind !== 'not run' && !played.some((one) => one.line === line),
        )
        assert.deepEqual(
          unplayed.map(({ line }) => line),
          [],
          'lines of blocks that were not come to',
        )
        for (const { line, treatment } of inIt)
          if (treatment.kind === 'not run') t.diagnostic(`${document}:${line} is not run: ${treatment.why}`)
      })
})

/** In a scene of its own. */
async function play(document: string): Promise<readonly Played[]> {
  const words = [checkout, compiled, process.execPath, '--import', 'tsx', 'test/docs/play.ts', document]
  const scene = spawn(join(import.meta.dirname, 'scene.sh'), words, { cwd: checkout })
  const told = { out: '', err: '' }
  scene.stdout.setEncoding('utf8').on('data', (text: string) => (told.out += text))
  scene.stderr.setEncoding('utf8').on('data', (text: string) => (told.err += text))
  const status = await new Promise<number | null>((resolve) => scene.once('close', resolve))
  assert.equal(status, 0, `${document}\n${told.err}${told.out}`)
  return told.out
    .split('\n')
    .filter((line) => line.startsWith('{"line":'))
    .map((line) => JSON.parse(line) as Played)
}
