// `--interface eth0,mac=…,ip=…`: an interface in one word. Pure.
import { isAssignment, parseAssignment } from '../manage/assignment-words.ts'
import { misuse } from './failure.ts'

/** As the words `interface.eth0.mac=…`. @throws UsageError, Misworded */
export function interfaceWords(option: string): readonly string[] {
  const [name = '', ...parts] = option.split(',').map((part) => part.trim())
  if (name === '' || name.includes('=') || parts.some((part) => !isAssignment(part)))
    misuse(`--interface ${option}: expected NAME,mac=MAC,ip=ADDRESS,network=NAME`)
  const words = parts.map((part) => `interface.${name}.${part}`)
  for (const word of words) parseAssignment('machines', word)
  return words
}
