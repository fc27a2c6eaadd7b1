// Pages and API with 100,000 machines: how long, how much over the wire, and how long a machine's DHCP waits meanwhile.
import { join } from 'node:path'
import { roles } from '../../server/admin/roles.ts'
import { hashPassword } from '../../server/admin/passwords.ts'
import { hashSecret, newSecret } from '../../server/admin/secrets.ts'
import { recordApiToken } from '../../server/inventory/store/api-tokens.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { readRevision } from '../../server/inventory/store/read.ts'
import { isoTime } from '../../server/inventory/store/record.ts'
import { recordUser } from '../../server/inventory/store/users.ts'
import { hostnameOf, macOf } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { median, number, quantile } from './figures.ts'
import type { Ask, Browser, Machine } from './pages-browser.ts'
import { openBrowser, openMachine } from './pages-browser.ts'
import { addressOf, plantOffice, probed, someDom0, someGuest } from './pages-farm.ts'
import type { BenchServer } from './server.ts'
import { freePort, startBenchServer } from './server.ts'

/** `BENCH_MOST_MACHINES=5000` makes it a matter of seconds. */
const machines = Math.min(100_000, Number(process.env['BENCH_MOST_MACHINES'] ?? Infinity))
/** Of each question: asked again and again, and right after changes. */
const [rounds, changes] = [30, 4]
const password = 'correct horse battery staple'

export async function pagesAsked(folder: string): Promise<readonly Table[]> {
  const inventory = `sqlite:${join(folder, 'pages.sqlite')}`
  const { token, revision } = await plant(inventory)
  const adminPort = await freePort()
  const doors = ['--no-tftp', '--admin-listen', '127.0.0.1', '--admin-port', String(adminPort)]
  const untilOpen = (): Promise<void> => untilAnswered(`http://127.0.0.1:${adminPort}/login`)
  const server = await startBenchServer(inventory, join(folder, 'state-pages'), '', untilOpen, doors)
  const machine = await openMachine(macOf(probed))
  try {
    const browser = await openBrowser(adminPort, 'admin', password)
    const office = { server, browser, machine, token }
    const begun = await timed(browser, '/')
    const asked: Row[] = []
    for (const [what, path] of questions(revision)) asked.push(await measure(office, what, path))
    const quiet = await waitedFor(machine, 2000)
    const clicked: Row[] = []
    for (const [what, click] of clicks(revision)) clicked.push(await measureOnce(office, what, click))
    browser.close()
    return [pagesTable(asked, server, begun), clicksTable(clicked, quiet)]
  } finally {
    machine.close()
    await server.stop()
  }
}

async function untilAnswered(url: string): Promise<void> {
  for (;;) {
    const isOpen = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** With the secret of an API token. */
async function plant(inventory: string): Promise<Readonly<{ token: string; revision: number }>> {
  const store = openStore(inventory)
  await plantOffice(store, machines)
  const at = Date.now()
  const by = { who: 'bench', at: isoTime(at), peer: null }
  for (const role of roles) await recordUser(store, { name: role, password: await hashPassword(password), role }, by)
  const secret = newSecret()
  await recordApiToken(
    store,
    { user: 'admin', name: 'bench', hash: hashSecret(secret), role: 'admin', expiresAt: isoTime(at + 86_400_000) },
    by,
  )
  const revision = await readRevision(store)
  await closeStore(store)
  return { token: secret, revision }
}

const middle = Math.floor(machines / 2)

function questions(revision: number): readonly (readonly [string, string])[] {
  const name = hostnameOf(middle)
  const [dom0, guest] = [hostnameOf(someDom0), hostnameOf(someGuest)]
  return [
    ['the farm', '/'],
    ['machines', '/machines'],
    ['machines, a later page', `/machines?from=${name}`],
    ['search: node05', '/machines?q=node05'],
    ['search: a name', `/machines?q=${name}`],
    ['search: an address', `/machines?q=${addressOf(middle)}`],
    ['search: nothing found', '/machines?q=nothing-like-it'],
    ['search: two words', '/machines?q=role1+19%3A9'],
    ['filter: profile', '/machines?profile=role7'],
    ['filter: a profile above', '/machines?profile=el9'],
    ['filter: q=network=row002', '/machines?q=network%3Drow002'],
    ['filter: q=node0?00*', '/machines?q=node0%3F00*'],
    ['filter: Dom0', `/machines?dom0=${dom0}`],
    ['filter: boot', '/machines?boot=install'],
    ['filter: state failed', '/machines?state=failed'],
    ['filter: state unknown', '/machines?state=unknown'],
    ['filter: withheld', '/machines?state=withheld'],
    ['sorted by memory', '/machines?sort=-memory_mib'],
    ['sorted by profile, searched', '/machines?sort=profile&q=node01'],
    ['a machine', `/machines/${guest}`],
    ['its boot plan', `/machines/${guest}/explain`],
    ['its artefacts', `/machines/${guest}/artefacts`],
    ['its timeline', `/machines/${guest}/timeline`],
    ['its history', `/machines/${guest}/history`],
    ['its form', `/machines/${guest}/edit`],
    ['a Dom0', `/machines/${dom0}/guests`],
    ['findings', '/findings'],
    ['changes', '/changes'],
    ['changes by somebody', '/changes?who=user3'],
    ['a difference', `/changes/diff?before=${revision - 3}&after=${revision}`],
    ['networks', '/networks'],
    ['a network', '/networks/row002'],
    ['profiles', '/profiles'],
    ['a profile', '/profiles/el9'],
    ['images', '/images'],
    ['who was seen', '/seen'],
    ['the form for 1 machine in 25', '/bulk/edit?scope=all&q=profile%3Drole7'],
    ['API: machines', '/api/v1/machines?limit=100'],
    ['API: machines, 1000 of a profile', '/api/v1/machines?limit=1000&select=profile%3Drole7'],
    ['API: a machine', `/api/v1/machines/${guest}`],
    ['API: an overview', `/api/v1/machines/${guest}/overview`],
    ['API: findings', '/api/v1/findings'],
    ['API: changes', '/api/v1/changes'],
  ]
}

type Office = Readonly<{ server: BenchServer; browser: Browser; machine: Machine; token: string }>

async function measure({ server, browser, machine, token }: Office, what: string, path: string): Promise<Row> {
  const ask: Ask = path.startsWith('/api/') ? { path, token } : { path }
  const first: number[] = []
  machine.longestMs()
  for (let change = 0; change < changes; change++) {
    const changed = `/api/v1/machines/${hostnameOf(1 + ((change + first.length * 977) % machines))}`
    const { status } = await browser.ask({ path: changed, patch: { notes: `${what} ${change}` }, token })
    if (status !== 200) throw new Error(`${changed}: ${status}`)
    first.push((await browser.ask(ask)).milliseconds)
  }
  const before = server.cpuSeconds()
  const answers = []
  for (let round = 0; round < rounds; round++) answers.push(await browser.ask(ask))
  const cpu = (server.cpuSeconds() - before) / rounds
  const [answer] = answers
  if (answer === undefined || answer.status !== 200)
    throw new Error(`${path}: ${answer?.status} ${answer?.text.slice(0, 500)}`)
  const times = answers.map(({ milliseconds }) => milliseconds)
  const figures = [median(times), quantile(times, 0.99), median(first), Math.max(...first), cpu * 1000]
  return [
    what,
    ...figures.map((one) => number(one, 1)),
    number(answer.wireBytes / 1024, 1),
    number(machine.longestMs(), 1),
  ]
}

type Click = Readonly<{
  path: string
  fields?: Readonly<Record<string, string>>
  patch?: object
  /** It is not only looked at. */
  isDone?: boolean
}>

/** What takes its time, once each. `fields` are what is typed into the form at a path. */
function clicks(revision: number): readonly (readonly [string, Click])[] {
  const row = (path: string, column: string, value: string): Click => ({
    path: `${path}/edit`,
    fields: { [`set.${column}`]: value },
  })
  const edit = (count: number): Click => {
    const select = `node[${hostnameOf(1).slice(4)}-${hostnameOf(Math.min(machines, count)).slice(4)}]`
    return { path: '/bulk/edit', fields: { select, 'set.notes': 'looked at' } }
  }
  return [
    ['a network’s change reviewed', row('/networks/row001', 'gateway', '198.18.8.77')],
    ['a profile’s, of 1 in 25 machines', row('/profiles/role7', 'kernel_args', 'role=7 quiet')],
    ['a profile’s, of all machines', row('/profiles/base', 'kernel_args', 'quiet')],
    ['a profile’s, that withholds all machines', row('/profiles/el9', 'image', 'gone')],
    ['300 changes compared', { path: `/changes/diff?before=${revision - 300}&after=${revision}` }],
    ['400 machines’ edit reviewed', edit(400)],
    ['10,000 machines’ edit reviewed', edit(10_000)],
    ['10,000 machines’ edit done', { ...edit(10_000), isDone: true }],
    ['all machines chosen', { path: '/bulk/edit?scope=all' }],
    [
      'a profile’s change reviewed, API',
      { path: '/api/v1/profiles/base?dryRun=true', patch: { kernel_args: 'quiet' } },
    ],
    ['all machines’ edit reviewed, API', { path: '/api/v1/machines?select=*&dryRun=true', patch: { notes: 'seen' } }],
  ]
}

const decoded = (html: string): string =>
  html
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

/** What the form at that path holds, and how each field was. */
async function filledIn(browser: Browser, path: string): Promise<Readonly<Record<string, string>>> {
  const { text } = await browser.ask({ path: path.startsWith('/bulk') ? '/account' : path })
  const hidden = [
    ...text.matchAll(/<(?:input type="hidden" name="([^"]*)" value="|textarea name="([^"]*)" hidden>)([^"<]*)/g),
  ]
  const fields = hidden.map(([, input, area = '', value = '']) => [decoded(input ?? area), decoded(value)] as const)
  const set = fields.flatMap(([name, value]) =>
    name.startsWith('was.') ? [[`set.${name.slice(4)}`, value] as const] : [],
  )
  return Object.fromEntries([...fields, ...set])
}

/** What is pressed on the review. */
async function decided(browser: Browser, { form = {}, ...ask }: Ask): Promise<Ask> {
  const { text } = await browser.ask({ form, ...ask })
  const seen = /name="seen" value="([^"]*)"/.exec(text)?.[1] ?? ''
  return { ...ask, form: { ...form, seen: decoded(seen), act: 'do' } }
}

async function measureOnce({ server, browser, machine, token }: Office, what: string, click: Click): Promise<Row> {
  const { path, fields, patch, isDone = false } = click
  const form = fields === undefined ? {} : { form: { ...(await filledIn(browser, path)), ...fields, act: 'review' } }
  const review: Ask = { path, ...form, ...(patch === undefined ? {} : { patch }) }
  const ask = isDone ? await decided(browser, review) : review
  machine.longestMs()
  const before = server.cpuSeconds()
  const answer = await browser.ask(ask.path.startsWith('/api/') ? { ...ask, token } : ask)
  const cpu = server.cpuSeconds() - before
  await new Promise((resolve) => setTimeout(resolve, 50))
  const figures = [answer.milliseconds, cpu * 1000]
  return [
    what,
    answer.status,
    ...figures.map((one) => number(one)),
    number(answer.wireBytes / 1024, 1),
    number(machine.longestMs(), 1),
  ]
}

/** Within so many milliseconds, at most. */
async function waitedFor(machine: Machine, milliseconds: number): Promise<number> {
  machine.longestMs()
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  return machine.longestMs()
}

const timed = async (browser: Browser, path: string): Promise<number> => (await browser.ask({ path })).milliseconds

function pagesTable(rows: readonly Row[], server: BenchServer, begunMs: number): Table {
  const { now, peak } = server.memoryMiB()
  return {
    title: `Pages and API, ${number(machines)} machines`,
    header: [
      'what',
      'median, ms',
      'p99, ms',
      'first after a change, median, ms',
      'most, ms',
      'CPU ms each',
      'KiB over the wire',
      'longest wait of a DHCP answer meanwhile, ms',
    ],
    rows,
    note: `Bars: 100 ms and 200 kB each. SQLite, the server on one processor with DHCP and HTTP open; ${rounds} requests each over one connection, gzip as browsers ask for it, from the request’s first byte to the answer’s last. Of ten machines two stand alone, two are Dom0s, six are their guests; one in twenty was heard of, one in two hundred and fifty is withheld. A change is another machine’s notes, by the API, right before the question. A machine asks for its address every 5 ms meanwhile. The farm straight after the log-in, which itself is straight after the start, took ${number(begunMs)} ms. Memory afterwards ${number(now)} MiB, at most ${number(peak)} MiB.`,
  }
}

function clicksTable(rows: readonly Row[], quietMs: number): Table {
  return {
    title: `What takes its time with ${number(machines)} machines`,
    header: ['what', 'status', 'ms', 'CPU ms', 'KiB over the wire', 'longest wait of a DHCP answer meanwhile, ms'],
    rows,
    note: `Bar: no DHCP answer waits longer than 100 ms; when nobody asked anything, in two seconds, one waited ${number(quietMs, 1)} ms: what else runs on this host. More machines than a page does at once are refused (422).`,
  }
}
