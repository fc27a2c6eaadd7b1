// `field=value` words: memory_mib=2048, params.rack=r12, interface.eth0.mac=00:00:5e:00:53:01. Pure.
import type { TableName } from '../inventory/rows.ts'
import { tables } from '../inventory/rows.ts'
import type { Assignment } from './assignments.ts'
import { jsonOrText } from './assignments.ts'
import { Misworded } from './failure.ts'

const misworded = (sentence: string): never => {
  throw new Misworded(sentence)
}

/** Whether a word assigns; `field!=value` is a filter. */
export const isAssignment = (word: string): boolean => /^[^=!]+=/.test(word)

/** @throws Misworded naming the word and what is expected */
export function parseAssignment(table: TableName, word: string): Assignment {
  const [, target = '', text = ''] = /^([^=]+)=([^]*)$/.exec(word) ?? misworded(`${word}: expected field=value`)
  const columns = Object.keys(tables[table].schema.shape)
  const param = /^params\.(.+)$/.exec(target)?.[1]
  if (param !== undefined && columns.includes('params'))
    return { kind: 'param', name: param, value: text === '' ? undefined : jsonOrText(text) }
  if (table === 'machines' && target.startsWith('interface.'))
    return parseInterfaceAssignment(word, target.slice('interface.'.length), text)
  if (tables[table].key.some((key) => key === target))
    misworded(`${word}: a row keeps its ${target}; add one of the new name and remove the old one`)
  if (columns.includes(target)) return { kind: 'column', column: target, value: text }
  const more =
    table === 'machines' ? ', params.NAME, interface.NAME.COLUMN' : columns.includes('params') ? ', params.NAME' : ''
  return misworded(
    `${word}: ${table} have no field ${target}; expected one of ${columns.filter((column) => !tables[table].key.some((key) => key === column)).join(', ')}${more}`,
  )
}

/** The name may have dots (`eth0.100`), so the column is what stands behind the last. */
function parseInterfaceAssignment(word: string, target: string, text: string): Assignment {
  const columns = Object.keys(tables.interfaces.schema.shape).filter(
    (column) => column !== 'machine' && column !== 'name',
  )
  const dot = target.lastIndexOf('.')
  const column = target.slice(dot + 1)
  if (dot > 0 && columns.includes(column)) return { kind: 'interface', name: target.slice(0, dot), column, value: text }
  if (text === '') return { kind: 'no-interface', name: target }
  return misworded(
    `${word}: expected interface.NAME.COLUMN=value with one of the columns ${columns.join(', ')}, or interface.NAME= to remove it`,
  )
}
