// What lists and the farm are made of is there before anybody asks, and goes with each change: the first page is as quick as
// the next.
import type { Logger } from 'pino'
import type { Live } from '../serve/live.ts'
import type { Desk } from './desk.ts'
import { farmIndex } from './farm-index.ts'
import { bootStates } from './state-index.ts'

export function keepReady(live: Pick<Live, 'snapshot' | 'onChange'>, desk: () => Desk, log: Logger): void {
  const unready = (error: unknown): void => log.debug({ err: error }, 'the pages are not made ready')
  const look = (): void => {
    farmIndex(live.snapshot(), desk().known).catch(unready)
  }
  live.onChange(look)
  look()
  bootStates(desk(), live.snapshot()).catch(unready)
}
