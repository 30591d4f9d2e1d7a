import { assert } from '../base/assert.ts'

/** The id that stands for no id: sixteen zero bytes, as base64url. */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const uuidSize = 16

/** Reads sixteen bytes at `position` as the 22 characters of base64url that Kafka's tools print. */
export function readUuid(buffer: Buffer, position: number): string {
  for (let at = position; at < position + uuidSize; at++) {
    if (buffer[at] !== 0) return buffer.toString('base64url', position, position + uuidSize)
  }
  return zeroUuid
}

/** Writes a 22-character id as sixteen bytes at `position`. */
export function writeUuid(buffer: Buffer, position: number, value: string): void {
  if (value === zeroUuid) {
    buffer.fill(0, position, position + uuidSize)
    return
  }
  assert(value.length === zeroUuid.length, `a uuid has 22 characters: ${value}`)
  const written = buffer.write(value, position, uuidSize, 'base64url')
  assert(written === uuidSize, `a uuid is base64url: ${value}`)
}
