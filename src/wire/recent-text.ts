import { recentTextSizeMax } from '../limits.ts'

// The same topic names, groups, clients and ids come with request after request. A text that was
// read before is given back as the very same string: it is not decoded again, and a Map knows its
// hash already.

const slotCount = 512
const texts: string[] = Array.from({ length: slotCount }, () => '')

/**
 * The text that was remembered for these bytes, or null. Only ASCII is remembered, so that bytes
 * and characters can be compared one by one.
 */
export function recentText(buffer: Buffer, at: number, size: number): string | null {
  if (size > recentTextSizeMax) return null
  const text = texts[slotOf(buffer, at, size)]!
  if (text.length !== size) return null
  for (let index = 0; index < size; index++) {
    if (text.charCodeAt(index) !== buffer[at + index]) return null
  }
  return text
}

/** Remembers what these bytes decoded to, in place of another text. */
export function rememberText(buffer: Buffer, at: number, size: number, text: string): void {
  if (size > recentTextSizeMax || text.length !== size) return
  texts[slotOf(buffer, at, size)] = text
}

/** Names tend to differ at their ends, by a number. */
function slotOf(buffer: Buffer, at: number, size: number): number {
  const last = at + size - 1
  const mixed =
    size * 31 +
    buffer[last]! * 37 +
    buffer[size > 1 ? last - 1 : at]! * 101 +
    buffer[at + (size >> 1)]! * 59 +
    buffer[at]! * 7
  return mixed & (slotCount - 1)
}
