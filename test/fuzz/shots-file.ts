// Datagrams as test/corpus has them: a line of where from and to, then the octets.
import { readFile, writeFile } from 'node:fs/promises'
import type { End, Shot } from './frames.ts'

const octetsPerLine = 32

const placeOf = ({ address, port }: End): string => `${address}:${port}`

export async function writeShots(path: string, head: string, shots: readonly Shot[]): Promise<void> {
  const paragraphs = shots.map(({ from, to, octets }) => {
    const hex = Buffer.from(octets).toString('hex')
    const lines = hex.match(new RegExp(`.{1,${octetsPerLine * 2}}`, 'g')) ?? []
    return [
      `SHOT ${placeOf(from)} > ${placeOf(to)}`,
      ...lines.map((line) => line.replaceAll(/.{8}(?=.)/g, '$& ')),
    ].join('\n')
  })
  await writeFile(path, `${[`# ${head}`, ...paragraphs].join('\n\n')}\n`)
}

/** @throws Error naming the paragraph that is none */
export async function readShots(path: string): Promise<readonly Shot[]> {
  const [, ...paragraphs] = (await readFile(path, 'utf8')).trimEnd().split('\n\n')
  return paragraphs.map((paragraph) => {
    const [title = '', ...lines] = paragraph.split('\n')
    const [, from, to] = /^[A-Z]+ (\S+) > (\S+)$/.exec(title) ?? []
    if (from === undefined || to === undefined) throw new Error(`${path}: ${JSON.stringify(title)}`)
    return { from: endOf(from), to: endOf(to), octets: Buffer.from(lines.join('').replaceAll(' ', ''), 'hex') }
  })
}

function endOf(text: string): End {
  const at = text.lastIndexOf(':')
  return { address: text.slice(0, at), port: Number(text.slice(at + 1)) }
}
