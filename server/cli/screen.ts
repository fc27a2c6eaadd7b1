// Some lines of a terminal that are drawn again in place. ECMA-48 §8.3 and, for the cursor and the wrapping, DEC's modes.

export type ScreenSize = Readonly<{ columns: number; rows: number }>
export type Screen = Readonly<{
  /** Replaces what was drawn before; no more lines than the screen has, but for the last time. */
  draw: (lines: readonly string[], size: ScreenSize) => void
  /** Gives the cursor back; once is enough, and again does nothing. */
  close: () => void
}>

const [hideCursor, showCursor] = ['\u001b[?25l', '\u001b[?25h']
const [wrapOff, wrapOn] = ['\u001b[?7l', '\u001b[?7h']
const [eraseToLineEnd, eraseBelow] = ['\u001b[K', '\u001b[J']

export function openScreen(write: (text: string) => void): Screen {
  let drawn: readonly string[] = []
  let isOpen = true
  write(hideCursor)
  return {
    draw: (lines, { columns }) => {
      if (!isOpen) return
      // A terminal that became narrower has wrapped what was there.
      const up = drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0)
      const home = `\r${up === 0 ? '' : `\u001b[${up}A`}`
      // In one piece, over what is there and not after erasing it: nothing flickers.
      write(`${wrapOff}${home}${lines.map((line) => `${line}${eraseToLineEnd}\n`).join('')}${eraseBelow}${wrapOn}`)
      drawn = lines
    },
    close: () => {
      if (isOpen) write(showCursor)
      isOpen = false
    },
  }
}
