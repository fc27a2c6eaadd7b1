// The reference documents name everything that there is, and nothing that there is not.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import {
  imageSchema,
  interfaceSchema,
  machineSchema,
  networkSchema,
  profileSchema,
} from '../../server/inventory/rows.ts'
import { doorNames, fileKeyOf, flagOf, settingNames, settings } from '../../server/cli/settings.ts'
import { isApi } from '../../server/admin/route.ts'
import { openTestSite } from '../admin/site.ts'
import { openCli } from '../unit/cli/cli.ts'
import type { Cli } from '../unit/cli/cli.ts'
import { blocksOf } from './blocks.ts'
import { commandsOf } from './shell.ts'

const root = join(import.meta.dirname, '../..')
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .toSorted(),
]
const textOf = (document: string): string => readFileSync(join(root, document), 'utf8')

type Command = Readonly<{ words: string; options: readonly string[] }>

/** Every command of the program, by its own help. */
async function commandsOfProgram(cli: Cli): Promise<readonly Command[]> {
  const found: Command[] = []
  const look = async (words: readonly string[]): Promise<void> => {
    const help = await cli.ok(...words, '--help')
    const [, own = ''] = /^Options:\n((?: .*\n|\n(?= ))*)/m.exec(help) ?? []
    const [, below = ''] = /^Commands:\n((?: .*\n)*)/m.exec(help) ?? []
    if (words.length > 0)
      found.push({
        words: words.join(' '),
        options: [...own.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, o = '']) => o),
      })
    for (const [, name = ''] of below.matchAll(/^ {2}([a-z][\w-]*)/gm))
      if (name !== 'help') await look([...words, name])
  }
  await look([])
  return found
}

const flags = new Set([
  '--debug',
  '--version',
  '--help',
  '--config',
  ...settingNames.map(flagOf),
  ...settingNames.filter((name) => settings[name].argument === null).map((name) => flagOf(`no-${name}`)),
  ...doorNames.map((door) => `--no-${door}`),
])

describe('the command line', () => {
  const manual = ['cli', 'administration'].map((name) => textOf(`docs/reference/${name}.md`)).join('\n')

  test('docs/reference has every command and every option of it', async (t) => {
    const commands = await commandsOfProgram(openCli(t))
    assert.ok(commands.length > 40)
    const has = (words: string): boolean => new RegExp(String.raw`(?<![\w-])${words}(?![\w-])`).test(manual)
    const missing = commands.flatMap(({ words, options }) => {
      const [group = '', name] = words.split(' ')
      const isThere = has(words) || (name !== undefined && describedTogether(manual, group, name))
      return [
        ...(isThere ? [] : [words]),
        ...options.filter((one) => one !== '--help' && !has(one)).map((one) => `${words} ${one}`),
      ]
    })
    assert.deepEqual(missing, [])
  })

  test('documents name no command and no option that there is not', async (t) => {
    const commands = await commandsOfProgram(openCli(t))
    const wrong = documents.flatMap((document) =>
      commandLinesOf(textOf(document)).flatMap((line) =>
        faultOf(line, commands).map((fault) => `${document}: ${line}: ${fault}`),
      ),
    )
    assert.deepEqual(wrong, [])
  })

  test('docs/reference/cli.md names no option that there is not', async (t) => {
    const known = new Set((await commandsOfProgram(openCli(t))).flatMap(({ options }) => options))
    const named = [...manual.matchAll(/`[^`\n]*?(--[a-z][\w-]*)[^`\n]*`/g)].map(([, option = '']) => option)
    assert.ok(named.length > 30)
    assert.deepEqual(
      named.filter((option) => !known.has(option) && !flags.has(option)),
      [],
    )
  })
})

/** `machine local|rescue|memtest|hold`, or "`network` and `profile` know `list`, `show`, …". */
function describedTogether(manual: string, group: string, name: string): boolean {
  return manual
    .split('\n')
    .some(
      (line) =>
        new RegExp(String.raw`\b${group}\b`).test(line) &&
        new RegExp(String.raw`[\x60|]${name}(?:[\x60\\]| SELECTOR)`).test(line),
    )
}

/** From blocks and from the text, those that are not a part of a sentence about such lines in general. */
function commandLinesOf(markdown: string): readonly string[] {
  const blocks = blocksOf(markdown)
  const inBlocks = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => commandsOf(text))
    .flatMap((command) => command.split(/\n|[;|&]+ /).map((one) => one.trim()))
  const shown = blocks
    .filter(({ language }) => language === 'console')
    .flatMap(({ text }) => text.match(/(?<=^\$ ).*/gm) ?? [])
  const inText = [...markdown.matchAll(/(?<!`)`(bootstead [^`\n]+)`(?!`)/g)].map(([, line = '']) => line)
  return [...inBlocks, ...shown, ...inText].filter((line) => line.startsWith('bootstead ') && !line.includes('COMMAND'))
}

function faultOf(line: string, commands: readonly Command[]): readonly string[] {
  const [ours = ''] = line.replace(/\s#.*$/, '').split(/ -- /) // what stands behind is for a Dom0
  const words = ours.split(/\s+/).slice(1)
  const options = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/=.*/, ''))
  const plain = words.filter((word) => !word.startsWith('-')).join(' ')
  const command = commands
    .filter((one) => `${plain} `.startsWith(`${one.words} `) || `${words.join(' ')} `.startsWith(`${one.words} `))
    .toSorted((a, b) => b.words.length - a.words.length)[0]
  if (command === undefined)
    return options.length > 0 && options.every((one) => flags.has(one)) ? [] : ['no such command']
  return options.filter((one) => !command.options.includes(one) && !flags.has(one)).map((one) => `no option ${one}`)
}

test('docs/reference/configuration.md has every setting in its table, and no other', () => {
  const [table = ''] = /^\| in `bootstead\.yaml` .*\n(?:\|.*\n)+/m.exec(textOf('docs/reference/configuration.md')) ?? []
  const named = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, keys = '']) => keys.match(/\w+/g) ?? [])
  assert.deepEqual(named.toSorted(), settingNames.map(fileKeyOf).toSorted())
})

test('docs/reference/inventory.md has every column', () => {
  const sections = new Map(
    textOf('docs/reference/inventory.md')
      .split(/^## /m)
      .map((section) => [section.split('\n')[0] ?? '', section] as const),
  )
  const tables = {
    machines: machineSchema,
    interfaces: interfaceSchema,
    networks: networkSchema,
    profiles: profileSchema,
    'images, site': imageSchema,
  }
  const missing = Object.entries(tables).flatMap(([title, schema]) =>
    Object.keys(schema.shape)
      .filter((column) => sections.get(title)?.includes(`\`${column}\``) !== true)
      .map((column) => `${title}: ${column}`),
  )
  assert.deepEqual(missing, [])
})

test('docs/reference/api.md names no path that the API does not have', async (t) => {
  const { routes } = await openTestSite(t)
  const paths = routes.filter(({ path }) => isApi(path)).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  const named = [...textOf('docs/reference/api.md').matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[\w/]+)`/g)]
  assert.ok(named.length > 8)
  const wrong = named
    .map(([, method = '', path = '']) => `${method} ${path.startsWith('/api') ? path : `/api/v1${path}`}`)
    .filter((one) => !paths.some((path) => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`).test(one)))
  assert.deepEqual(wrong, [])
})

describe('links', () => {
  /** As GitHub makes them of headings. */
  const anchorsOf = (document: string): ReadonlySet<string> =>
    new Set(
      [...textOf(document).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
          .replaceAll(' ', '-'),
      ),
    )

  test('every one leads to a file that is there, and to a heading that it has', () => {
    const broken = documents.flatMap((document) =>
      [...textOf(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(
        ([link, path = '', anchor]) => {
          const target = path === '' ? document : relative(root, join(root, dirname(document), path))
          if (!existsSync(join(root, target))) return [`${document}: ${link}`]
          return anchor === undefined || anchorsOf(target).has(anchor) ? [] : [`${document}: ${link}`]
        },
      ),
    )
    assert.deepEqual(broken, [])
  })

  for (const table of ['README.md', 'docs/README.md'])
    test(`${table} leads to every document`, () => {
      const led = new Set(
        [...textOf(table).matchAll(/\]\(([^)#\s]+\.md)/g)].map(([, path = '']) => join(dirname(table), path)),
      )
      const missing = documents.filter((one) => one.startsWith('docs/') && one !== 'docs/README.md' && !led.has(one))
      assert.deepEqual(missing, [])
    })
})
