import snappyjs from 'snappyjs'
import { failure, success, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'

// Kafka's snappy: raw blocks in the framing of the Java library snappy-java ("xerial"), which is a
// header of sixteen bytes (magic, version, compatible version) and then blocks, each behind its
// size. Some clients (kafkajs, Go) send a lone raw block without that header; both are read. The
// blocks themselves are left to snappyjs, which hangs on some malformed input and reads outside its
// output on other: only bytes that `uncompressedSize` has walked over reach it.

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

export function unpackSnappy<T>(
  bytes: Uint8Array,
  sizeMax: number,
  work: (unpacked: Buffer) => T
): Result<T, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const unpacked = decompressSnappy(bytes, sizeMax)
  return unpacked.ok ? success(work(unpacked.value)) : unpacked
}

function decompressSnappy(
  bytes: Uint8Array,
  sizeMax: number
): Result<Buffer, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = isXerial(input) ? xerialBlocks(input) : [input]
  if (blocks === null) return failure('CORRUPT_MESSAGE', 'snappy: a block beyond the end')
  let size = 0
  for (const block of blocks) {
    const blockSize = uncompressedSize(block)
    if (blockSize === null) return failure('CORRUPT_MESSAGE', 'snappy: a malformed block')
    size += blockSize
    if (size > sizeMax)
      return failure('MESSAGE_TOO_LARGE', `snappy holds more than ${sizeMax} bytes`)
  }
  try {
    const [only] = blocks
    if (blocks.length === 1 && only !== undefined) return success(snappyjs.uncompress(only))
    const pieces = blocks.map(block => snappyjs.uncompress(block))
    return success(Buffer.concat(pieces, size))
  } catch (error) {
    // A short literal behind a long tag is right, but nobody writes it, and snappyjs refuses it at
    // the end of a block.
    return failure('CORRUPT_MESSAGE', `snappy: ${String(error)}`)
  }
}

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

/**
 * Walks over the tags of one raw block without copying anything.
 *
 * @returns the size of what it holds, or null when a literal leaves the input, a copy reaches back
 *   behind the start, or the declared size is not exactly what the tags make
 */
export function uncompressedSize(block: Uint8Array): number | null {
  let at = 0
  let declared = 0
  for (let scale = 1; ; scale *= 0x80) {
    const byte = block[at++]
    if (byte === undefined || scale > 0x1000_0000) return null
    declared += (byte & 0x7f) * scale
    if (byte < 0x80) break
  }
  if (declared > 0xffff_ffff) return null
  let produced = 0
  while (at < block.length) {
    const tag = block[at++]!
    const kind = tag & 3
    if (kind === 0) {
      const extra = (tag >>> 2) - 59
      const size = 1 + (extra > 0 ? littleEndian(block, at, extra) : tag >>> 2)
      if (extra > 0) at += extra
      if (size > block.length - at) return null
      at += size
      produced += size
    } else {
      const offsetSize = kind === 3 ? 4 : kind
      if (offsetSize > block.length - at) return null
      const high = kind === 1 ? (tag >>> 5) << 8 : 0
      const offset = high + littleEndian(block, at, offsetSize)
      if (offset === 0 || offset > produced) return null
      at += offsetSize
      produced += kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    }
    if (produced > declared) return null
  }
  return produced === declared ? produced : null
}

/** Multiplies where shifts would go negative; bytes behind the end count as zero. */
function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let index = size - 1; index >= 0; index--) value = value * 0x100 + (bytes[at + index] ?? 0)
  return value
}
