// Two who change one row at the same time: what each changed is kept, and where both did the second one is asked.
import type { Request } from 'express'
import { fieldOf } from '../route.ts'

export type Texts = Readonly<Record<string, string>>

type Merged = Readonly<{
  /** What the form shows: mine where I changed something, else what is there now. */
  texts: Texts
  /** Fields that are others now than when the form was filled. */
  theirs: readonly string[]
  /** Of those, the ones that I have given another value. */
  both: readonly string[]
  /** Fields that I have changed. */
  mine: readonly string[]
}>

/** @param was what stood in the form when it was filled */
export function mergeTexts({ was, mine, now }: Readonly<Record<'was' | 'mine' | 'now', Texts>>): Merged {
  const names = [...new Set([...Object.keys(was), ...Object.keys(now), ...Object.keys(mine)])]
  const own = names.filter((name) => (mine[name] ?? was[name] ?? '') !== (was[name] ?? ''))
  const changed = new Set(own)
  const theirs = names.filter((name) => (was[name] ?? '') !== (now[name] ?? ''))
  return {
    texts: Object.fromEntries(names.map((name) => [name, (changed.has(name) ? mine[name] : now[name]) ?? ''])),
    theirs,
    both: theirs.filter((name) => changed.has(name) && mine[name] !== now[name]),
    mine: own,
  }
}

/** Forms end lines in CR LF, the store in LF. */
export const plainText = (text: string): string => text.replaceAll('\r\n', '\n').trim()

/** Fields of a form whose names match; those behind `was.` are what it was filled with. */
export function textsAsked(request: Request, pattern: RegExp): Readonly<{ was: Texts; mine: Texts }> {
  const names = Object.keys((request.body ?? {}) as object)
  const read = (head: string): Texts =>
    Object.fromEntries(
      names.flatMap((name) => {
        const bare = name.startsWith(head) ? name.slice(head.length) : ''
        return pattern.test(bare) ? [[bare, plainText(fieldOf(request, name))] as const] : []
      }),
    )
  return { was: read('was.'), mine: read('') }
}

/** As the form and the review carry it on. */
export const carriedTexts = (was: Texts, mine: Texts): readonly (readonly [string, string])[] => [
  ...Object.entries(mine),
  ...Object.entries(was).map(([name, value]) => [`was.${name}`, value] as const),
]

/** Beside a field that both have changed. */
export const bothChanged = (now: string): string =>
  now === '' ? 'cleared meanwhile; yours would replace that' : `is ${now} meanwhile; yours would replace it`

/** @param by who changed what, or '' */
export const mergedSentence = (by: string, both: readonly string[]): string =>
  [
    `Nothing was changed yet: it is no longer what you opened${by === '' ? '' : ` (${by})`}.`,
    both.length === 0
      ? 'Your values and the others are put together below.'
      : 'Your values and the others are put together below; those that both have changed are marked.',
    'Look at it, and go on.',
  ].join(' ')
