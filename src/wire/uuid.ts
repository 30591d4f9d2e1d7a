import { assert } from '../base/assert.ts'

/** The id that stands for no id: sixteen zero bytes, as base64url. */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const uuidSize = 16
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const notBase64 = 0xff
/** Six bits for each character code of the alphabet, and more than six for any other. */
const bitsOf = new Uint8Array(0x100).fill(notBase64)
for (let index = 0; index < alphabet.length; index++) bitsOf[alphabet.charCodeAt(index)] = index

/**
 * Ids that were read lately, by their first bytes: clients name the same few topics again and
 * again.
 */
const slotCount = 256
const recentIds: string[] = Array.from({ length: slotCount }, () => zeroUuid)
const recentBytes = new Uint8Array(slotCount * uuidSize)

/** Reads sixteen bytes at `position` as the 22 characters of base64url that Kafka's tools print. */
export function readUuid(buffer: Buffer, position: number): string {
  const slot =
    (buffer[position]! ^ buffer[position + 7]! ^ buffer[position + 15]!) & (slotCount - 1)
  const from = slot * uuidSize
  for (let index = 0; index < uuidSize; index++) {
    if (buffer[position + index] !== recentBytes[from + index]) {
      const id = buffer.toString('base64url', position, position + uuidSize)
      buffer.copy(recentBytes, from, position, position + uuidSize)
      recentIds[slot] = id
      return id
    }
  }
  return recentIds[slot]!
}

/** Writes a 22-character id as sixteen bytes at `position`. */
export function writeUuid(buffer: Buffer, position: number, value: string): void {
  assert(value.length === zeroUuid.length, 'a uuid has 22 characters')
  let seen = 0
  let at = position
  for (let index = 0; index < 20; index += 4) {
    const first = bitsAt(value, index)
    const second = bitsAt(value, index + 1)
    const third = bitsAt(value, index + 2)
    const fourth = bitsAt(value, index + 3)
    seen |= first | second | third | fourth
    buffer[at] = (first << 2) | (second >> 4)
    buffer[at + 1] = (second << 4) | (third >> 2)
    buffer[at + 2] = (third << 6) | fourth
    at += 3
  }
  const first = bitsAt(value, 20)
  const second = bitsAt(value, 21)
  buffer[at] = (first << 2) | (second >> 4)
  assert((seen | first | second) < 0x40, 'a uuid is base64url')
}

function bitsAt(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return code < bitsOf.length ? bitsOf[code]! : notBase64
}
