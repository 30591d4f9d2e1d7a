import snappyjs from 'snappyjs'
import { failure, success, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import { unpackBlocks } from './snappy-block.ts'

// Kafka's snappy: raw blocks in the framing of the Java library snappy-java ("xerial"), which is a
// header of sixteen bytes (magic, version, compatible version) and then blocks, each behind its
// size. Some clients (librdkafka, kafkajs, Go) send a lone raw block without that header; both are
// read. snappyjs packs blocks. It hangs on some malformed ones, so another library unpacks them.

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderSize = 16
const xerialVersion = 1
/** What snappy-java puts into one block, bytes. */
const xerialBlockSize = 32 * KiB

export function compressSnappy(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(xerialHeaderSize)
  xerialMagic.copy(header)
  header.writeInt32BE(xerialVersion, 8)
  header.writeInt32BE(xerialVersion, 12)
  const pieces: Uint8Array[] = [header]
  for (let at = 0; at < bytes.length; at += xerialBlockSize) {
    const block = snappyjs.compress(bytes.subarray(at, at + xerialBlockSize))
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    pieces.push(size, block)
  }
  return Buffer.concat(pieces)
}

/** No more memory is taken than the blocks declare to hold, and can. */
export function unpackSnappy<T>(
  bytes: Uint8Array,
  sizeMax: number,
  work: (unpacked: Buffer) => T
): Result<T, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = isXerial(input) ? xerialBlocks(input) : [input]
  if (blocks === null) return failure('CORRUPT_MESSAGE', 'snappy: a block beyond the end')
  let size = 0
  for (const block of blocks) {
    const blockSize = declaredSize(block)
    if (blockSize === null) return malformed
    size += blockSize
    if (size > sizeMax)
      return failure('MESSAGE_TOO_LARGE', `snappy holds more than ${sizeMax} bytes`)
  }
  const unpacked = unpackBlocks(blocks, size, work)
  return unpacked === null ? malformed : success(unpacked.value)
}

const malformed = failure('CORRUPT_MESSAGE', 'snappy: a malformed block')

function isXerial(input: Buffer): boolean {
  return (
    input.length >= xerialHeaderSize && input.subarray(0, xerialMagic.length).equals(xerialMagic)
  )
}

function xerialBlocks(input: Buffer): readonly Buffer[] | null {
  const blocks: Buffer[] = []
  for (let at = xerialHeaderSize; at < input.length;) {
    if (input.length - at < 4) return null
    const size = input.readInt32BE(at)
    if (size <= 0 || size > input.length - at - 4) return null
    blocks.push(input.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return blocks
}

/** Three bytes of a block, a copy with two bytes of offset, stand for 64 at most. */
const expansionMax = 64 / 3
/** Most bytes of a declared size, of seven bits each. */
const declaredSizeSizeMax = 5

/** What a raw block declares to hold, bytes; null when it cannot hold that. */
function declaredSize(block: Buffer): number | null {
  let declared = 0
  for (let at = 0; at < declaredSizeSizeMax; at++) {
    const byte = block[at]
    if (byte === undefined) return null
    declared += (byte & 0x7f) * 0x80 ** at
    if (byte < 0x80) return declared <= block.length * expansionMax ? declared : null
  }
  return null
}
