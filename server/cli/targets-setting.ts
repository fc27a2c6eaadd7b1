// The setting `targets`: where the disk door publishes, and what each target's daemon needs.
import { join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { isIncludable } from '../render/daemons/syntax.ts'
import type { TargetName } from '../render/targets.ts'
import { targetNames } from '../render/targets.ts'
import type { Place } from '../serve/generate.ts'
import { setting, text, trueOrFalse } from './setting.ts'

/** In words only what a shell would read in the same way: who needs more writes a list. */
const command = setting(
  'a program and its arguments, in words without quotes or anything else meant for a shell, or as a list',
  (value): readonly string[] | undefined => {
    const words: unknown = typeof value === 'string' ? wordsOf(value) : value
    if (!Array.isArray(words) || words.length === 0 || words[0] === '') return undefined
    return words.every((word) => typeof word === 'string' || typeof word === 'number') ? words.map(String) : undefined
  },
)

function wordsOf(line: string): readonly string[] {
  return /["'`$|&;<>()\\*?\n]/.test(line) ? [] : line.trim().split(/\s+/)
}

const keys = {
  folder: text('a folder'),
  main: text("the daemon's own main file").nullish(),
  check: trueOrFalse.nullish(),
  reload: command.nullish(),
  restart: command.nullish(),
  control_socket: text("the path of kea's control socket").nullish(),
}
type Key = keyof typeof keys

/** What a target can't be given, and why. */
const absent: Readonly<Record<TargetName, Partial<Record<Key, string>>>> = {
  isc: {
    restart: 'dhcpd takes up nothing but by a restart; give its command as reload',
    control_socket: 'it is of kea',
  },
  kea: { restart: 'kea takes up everything by a reload' },
  dnsmasq: { control_socket: 'it is of kea' },
  tftpboot: { main: 'no daemon includes these files', restart: 'it is of dnsmasq', control_socket: 'it is of kea' },
}

const placeSchema = (target: TargetName) =>
  z
    .strictObject(keys, { error: () => `expected ${keysOf(target).join(', ')}` })
    .check(({ value, issues }) => {
      const refuse = (key: Key, message: string): void =>
        void issues.push({ code: 'custom', path: [key], message, input: value[key] })
      for (const [key, why] of Object.entries(absent[target]) as [Key, string][])
        if (value[key] != null) refuse(key, `expected nothing: ${why}`)
      if (target !== 'tftpboot' && !isIncludable(value.folder))
        refuse(
          'folder',
          'expected a folder of letters, digits, dots, dashes and underscores, or no daemon can include it',
        )
    })
    .transform(({ folder, main, check, reload, restart, control_socket }): Place => ({
      folder,
      main: main ?? null,
      check: check ?? true,
      reload: reload ?? null,
      restart: restart ?? null,
      controlSocket: control_socket ?? null,
    }))

const keysOf = (target: TargetName): readonly string[] => Object.keys(keys).filter((key) => !(key in absent[target]))

export const targetsSchema = z
  .strictObject(
    {
      isc: placeSchema('isc').optional(),
      kea: placeSchema('kea').optional(),
      dnsmasq: placeSchema('dnsmasq').optional(),
      tftpboot: placeSchema('tftpboot').optional(),
    },
    { error: () => `expected some of ${targetNames.join(', ')}, each with its folder and what else it needs` },
  )
  .transform(
    (places): ReadonlyMap<TargetName, Place> =>
      new Map(
        targetNames.flatMap((target) => {
          const place = places[target]
          return place === undefined ? [] : [[target, place] as const]
        }),
      ),
  )
  .check(({ value, issues }) => {
    const owners = new Map<string, TargetName>()
    for (const [target, { folder }] of value) {
      const owner = owners.get(folder)
      owners.set(folder, target)
      if (owner === undefined) continue
      const message = `expected a folder of its own: ${owner} has this one`
      issues.push({ code: 'custom', path: [target, 'folder'], message, input: folder })
    }
  })

/** Where a target is published that names no folder. */
const defaultFolder = (state: string, target: string): string => join(state, 'generated', target)

/** For a target that `targets` does not name. */
export const defaultPlace = (state: string, target: TargetName): Place => ({
  folder: defaultFolder(state, target),
  main: null,
  check: true,
  reload: null,
  restart: null,
  controlSocket: null,
})

/** `targets` as it was typed, with folders named and every path absolute; what is no such thing is left to the schema. */
export function completeTargets(typed: unknown, base: string, state: string): unknown {
  const value = typeof typed === 'string' ? parseFlow(typed) : typed
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([target, place]) => [
      target,
      place === null ? { folder: defaultFolder(state, target) } : completePlace(target, place, base, state),
    ]),
  )
}

function completePlace(target: string, place: unknown, base: string, state: string): unknown {
  if (!isRecord(place)) return place
  const absolute = Object.entries(place).map(([key, value]) => [key, absoluteValue(key, value, base)] as const)
  return {
    ...Object.fromEntries(absolute),
    folder: absoluteValue('folder', place['folder'], base) ?? defaultFolder(state, target),
  }
}

function absoluteValue(key: string, value: unknown, base: string): unknown {
  const isPath = key === 'folder' || key === 'main' || key === 'control_socket'
  return isPath && typeof value === 'string' && value.trim() !== '' ? resolve(base, value.trim()) : value
}

/** As bootstead.yaml writes them, with all that follows from leaving it out. */
export function typedTargets(places: ReadonlyMap<TargetName, Place>): Readonly<Record<string, unknown>> {
  const typed = ({ folder, main, check, reload, restart, controlSocket }: Place) =>
    Object.entries({
      folder,
      main,
      check,
      reload: typedCommand(reload),
      restart: typedCommand(restart),
      control_socket: controlSocket,
    })
  return Object.fromEntries(
    [...places].map(([target, place]) => [
      target,
      Object.fromEntries(typed(place).filter(([, value]) => value !== null)),
    ]),
  )
}

function typedCommand(argv: readonly string[] | null): string | readonly string[] | null {
  const line = argv?.join(' ') ?? null
  return line === null || wordsOf(line).length === argv?.length ? line : argv
}

/** The YAML of a flag or variable. */
function parseFlow(typed: string): unknown {
  const document = parseDocument(typed)
  return document.errors.length > 0 ? typed : (document.toJS() as unknown)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
