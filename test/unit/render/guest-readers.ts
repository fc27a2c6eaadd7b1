// Guest configurations as their programs read them: xm's Python, xl's own library, libvirt's schemas.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Read = Readonly<Record<string, unknown>>

/** The names that the configuration sets: xm executes the file as Python. */
export function readByPython(text: string): Read {
  const program =
    'import json,sys\nns={}\nexec(compile(sys.stdin.read(),"guest","exec"),ns)\ndel ns["__builtins__"]\nprint(json.dumps(ns))'
  return readBy(['-c', program], text)
}

/** As xl reads it, all but its hypervisor calls: a disk is its place in the Dom0 and its name in the guest. */
export function readByXl(text: string): Read {
  return readBy([join(import.meta.dirname, 'xl-config.py')], text)
}

function readBy(words: readonly string[], text: string): Read {
  const done = spawnSync('python3', words, { input: text, encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return JSON.parse(done.stdout) as Read
}

/** Fails with what libvirt's schemas have against a domain. */
export function assertDomain(xml: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'domain-'))
  try {
    const file = join(folder, 'domain.xml')
    writeFileSync(file, xml)
    const { error, status, stderr } = spawnSync('virt-xml-validate', [file, 'domain'], { encoding: 'utf8' })
    assert.equal(
      error,
      undefined,
      'virt-xml-validate is missing: install the Debian packages libvirt-clients and libxml2-utils',
    )
    assert.equal(status, 0, stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What an XPath expression finds in a document, one text for each node. */
export function xpath(xml: string, expression: string): readonly string[] {
  const count = Number(evaluate(xml, `count(${expression})`))
  return Array.from({ length: count }, (_, index) => evaluate(xml, `string((${expression})[${index + 1}])`))
}

function evaluate(xml: string, expression: string): string {
  const done = spawnSync('xmllint', ['--nonet', '--xpath', expression, '-'], { input: xml, encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return done.stdout.replace(/\n$/, '')
}
