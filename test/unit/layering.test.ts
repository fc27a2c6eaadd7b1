// STYLE: imports run downwards only, and only the doors and the store touch the world.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../server')
const layers = ['inventory', 'plan', 'render', 'serve', 'manage', 'admin', 'cli']
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))

type Import = Readonly<{ file: string; from: string }>

const imports: readonly Import[] = files.flatMap((file) => {
  const source = readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, from = '']) => ({ file, from }))
})

const layerOf = (file: string): number => layers.indexOf(file.split('/')[0] ?? '')
const target = ({ file, from }: Import): string => relative(root, join(root, file, '..', from))

test('STYLE: every folder under server/ is a layer', () => {
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  assert.deepEqual(folders.toSorted(), layers.toSorted())
})

test('STYLE: a file imports only from its own layer and those below', () => {
  const upward = imports.filter(
    (one) => one.from.startsWith('.') && layerOf(one.file) >= 0 && layerOf(target(one)) > layerOf(one.file),
  )
  assert.ok(imports.length > 100, 'the imports were found')
  assert.deepEqual(upward, [])
})

test('STYLE: plan, render and the inventory outside its store do no I/O and read no clock', () => {
  const pure = files.filter(
    (file) => /^(plan|render)\//.test(file) || (file.startsWith('inventory/') && !file.startsWith('inventory/store/')),
  )
  const world = new Set([
    'node:fs',
    'node:fs/promises',
    'node:net',
    'node:dgram',
    'node:http',
    'node:child_process',
    'node:os',
    'node:process',
    'express',
    'kysely',
    'mysql2',
    'libsql',
    'pino',
  ])
  assert.deepEqual(
    imports.filter(({ file, from }) => pure.includes(file) && world.has(from)),
    [],
  )
  const clocks = pure.filter((file) =>
    /\bDate\.now\(|new Date\(\)|Math\.random\(|process\.env/.test(readFileSync(join(root, file), 'utf8')),
  )
  assert.deepEqual(clocks, [])
})

test('STYLE: no default exports, no barrel files, no utils', () => {
  assert.deepEqual(
    files.filter((file) => /(^|\/)(index|utils?|helpers?)\.ts$/.test(file)),
    [],
  )
  assert.deepEqual(
    files.filter((file) => /^export (default|\* from)/m.test(readFileSync(join(root, file), 'utf8'))),
    [],
  )
})

test('STYLE: each layer has a README of at most 25 lines', () => {
  for (const layer of layers) {
    const lines = readFileSync(join(root, layer, 'README.md'), 'utf8')
      .trimEnd()
      .split('\n').length
    assert.ok(lines <= 25, `${layer}/README.md has ${lines} lines`)
  }
})
