// The end of what a program said, however much that was.

const mostBytes = 1024 * 1024

type OutputTail = Readonly<{
  add: (chunk: Buffer) => void
  /** With a first line that says how much is missing, if anything is. */
  text: () => string
}>

export function openTail(): OutputTail {
  const chunks: Buffer[] = []
  let held = 0
  let dropped = 0
  return {
    add: (chunk) => {
      chunks.push(chunk)
      held += chunk.length
      for (let [oldest] = chunks; oldest !== undefined && held - oldest.length >= mostBytes; [oldest] = chunks) {
        chunks.shift()
        held -= oldest.length
        dropped += oldest.length
      }
    },
    text: () =>
      `${dropped === 0 ? '' : `(${dropped} bytes before this were not kept)\n`}${Buffer.concat(chunks).toString()}`,
  }
}
