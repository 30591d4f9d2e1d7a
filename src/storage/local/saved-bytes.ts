import { crc32c } from '../../record/crc32c.ts'
import { textChecksum } from './checkpoint.ts'

// What goes to `lost-and-found`: bytes that were cut off or taken out, in files whose names end
// with a checksum, and lines about them that end with one. Nobody but people reads them, and they
// should not be shown something else than what was there.

/** The checksum of a file is taken of the checksums of its blocks, bytes. */
const blockSize = 4096

/** The checksum of bytes that come piece by piece. */
export class SavedChecksum {
  readonly #state = Buffer.alloc(8)

  /** @param bytes a number of whole blocks of 4096 bytes, but for the last piece */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += blockSize) {
      const end = Math.min(at + blockSize, bytes.length)
      this.#state.writeUInt32BE(crc32c(bytes, at, end), 4)
      this.#state.writeUInt32BE(crc32c(this.#state, 0, 8), 0)
    }
  }

  /** The name of the file that has these bytes. */
  nameOf(name: string): string {
    return `${name}.crc-${this.#state.toString('hex', 0, 4)}`
  }
}

/** Whether the bytes are those that the name of their file promises; null when it promises none. */
export function savedBytesHold(name: string, bytes: Uint8Array): boolean | null {
  const match = /^(.+)\.crc-[0-9a-f]{8}$/.exec(name)
  if (match === null) return null
  const checksum = new SavedChecksum()
  checksum.add(bytes)
  return checksum.nameOf(match[1]!) === name
}

/** A line of JSON whose last field is its checksum. */
export function savedLine(json: string): string {
  return `${json.slice(0, -1)},"crc32c":"${textChecksum(json)}"}\n`
}

/** Whether all lines are as `savedLine` has made them. */
export function savedLinesHold(bytes: Buffer): boolean {
  const lines = bytes.toString('latin1').split('\n')
  if (lines.pop() !== '') return false
  return lines.every(line => {
    const at = line.lastIndexOf(',"crc32c":"')
    const json = Buffer.from(`${line.slice(0, Math.max(at, 0))}}`, 'latin1').toString()
    return Buffer.from(savedLine(json)).toString('latin1') === `${line}\n`
  })
}
