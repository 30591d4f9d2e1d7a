import { failure, success, type Failure, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import { packBlock } from './lz4-block.ts'
import { unpackFrames, type Lz4Frame } from './lz4-frames.ts'

// Kafka's lz4 is the LZ4 frame format with blocks that do not depend on each other, as its
// `Lz4BlockOutputStream` writes it and its `Lz4BlockInputStream` reads it: no dictionaries, no
// linked blocks, and a header checksum that is right. (Message sets of magic 0 had a wrong one;
// there are none here.) Checksums of blocks and of the content are optional, and checked. Frames
// are walked over first: that tells how much can come out, and that every frame is whole.

const frameMagic = 0x184d2204
/** Flags of a frame's first byte, and what it must say besides: version 1, independent blocks. */
const requiredFlags = 0x60
const blockChecksumFlag = 0x10
const contentSizeFlag = 0x08
const contentChecksumFlag = 0x04
const checksumSize = 4
/** Positions and sizes in a frame's header, behind which one byte of checksum follows. */
const flagsAt = 4
const descriptorAt = 5
const contentSizeAt = 6
const contentSizeSize = 8
/** A byte of a packed block stands for so many bytes at most. */
const expansionMax = 255
/** Set in the size of a block that is not packed. */
const plainBlockBit = 0x8000_0000
/** A block size of 0 ends the frame. */
const endMark = Buffer.alloc(4)

/** What the Java client puts into one block, bytes. */
const blockSize = 64 * KiB
/** A frame of independent blocks of 64 KiB without checksums but that of the header itself. */
const frameHeader = Buffer.from('04224d18604082', 'hex')

export function compressLz4(bytes: Uint8Array): Buffer {
  const pieces: Uint8Array[] = [frameHeader]
  for (let at = 0; at < bytes.length; at += blockSize) {
    const plain = bytes.subarray(at, at + blockSize)
    const packed = packBlock(plain)
    const isPacked = packed.length < plain.length
    const size = Buffer.alloc(4)
    size.writeUInt32LE(isPacked ? packed.length : plainBlockBit + plain.length)
    pieces.push(size, isPacked ? packed : plain)
  }
  pieces.push(endMark)
  return Buffer.concat(pieces)
}

/**
 * No more memory is taken for what comes out than the walk has found, or `sizeMax` allows. `work`
 * may look at it until it returns.
 *
 * @returns CORRUPT_MESSAGE for bytes that are not such frames; MESSAGE_TOO_LARGE for frames of more
 *   than `sizeMax` bytes, and for malformed ones that could have held so much
 */
export function unpackLz4<T>(
  bytes: Uint8Array,
  sizeMax: number,
  work: (unpacked: Buffer) => T
): Result<T, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const walked = walkFrames(input)
  if (!walked.ok) return walked
  const { frames, sizeAtLeast, sizeAtMost } = walked.value
  if (sizeAtLeast > sizeMax) return tooLarge(sizeMax)
  const unpacked = unpackFrames(input, frames, Math.min(sizeAtMost, sizeMax), work)
  if (unpacked !== null) return success(unpacked.value)
  return sizeAtMost > sizeMax ? tooLarge(sizeMax) : malformed('what cannot be unpacked')
}

function tooLarge(sizeMax: number): Failure<'MESSAGE_TOO_LARGE'> {
  return failure('MESSAGE_TOO_LARGE', `lz4 holds more than ${sizeMax} bytes`)
}

function malformed(fault: string): Failure<'CORRUPT_MESSAGE'> {
  return failure('CORRUPT_MESSAGE', `lz4: ${fault}`)
}

/** What can be known of frames without unpacking them. */
interface Walked {
  readonly frames: readonly Lz4Frame[]
  /** Bounds of what they unpack to, bytes. */
  readonly sizeAtLeast: number
  readonly sizeAtMost: number
}

/** Walks over frames, one behind the other. No bytes at all are not a frame either. */
function walkFrames(input: Buffer): Result<Walked, 'CORRUPT_MESSAGE'> {
  const frames: Lz4Frame[] = []
  let sizeAtLeast = 0
  let sizeAtMost = 0
  for (let at = 0; at < input.length || at === 0;) {
    const header = readHeader(input, at)
    if (typeof header === 'string') return malformed(header)
    const blocks = walkBlocks(input, header)
    if (typeof blocks === 'string') return malformed(blocks)
    frames.push({ start: at, end: blocks.end, contentSize: header.contentSize })
    sizeAtLeast += blocks.sizeAtLeast
    sizeAtMost += blocks.sizeAtMost
    at = blocks.end
  }
  return success({ frames, sizeAtLeast, sizeAtMost })
}

interface FrameHeader {
  readonly end: number
  /** Most bytes that a block may unpack to. */
  readonly blockSizeMax: number
  readonly hasBlockChecksums: boolean
  readonly hasContentChecksum: boolean
  readonly contentSize: number | null
}

/** The header at `start`, or what is wrong with it; its checksum is left to the library. */
function readHeader(input: Buffer, start: number): FrameHeader | string {
  if (input.length - start < frameHeader.length) return 'no whole header'
  if (input.readUInt32LE(start) !== frameMagic) return 'no frame'
  const flags = input[start + flagsAt]!
  const known = blockChecksumFlag | contentSizeFlag | contentChecksumFlag
  if ((flags & ~known) !== requiredFlags) return `a frame with the flags ${flags}`
  const descriptor = input[start + descriptorAt]!
  const sizeCode = descriptor >>> 4
  if ((descriptor & 0x0f) !== 0 || sizeCode < 4 || sizeCode > 7)
    return `a block descriptor of ${descriptor}`
  const hasContentSize = (flags & contentSizeFlag) !== 0
  const end = start + frameHeader.length + (hasContentSize ? contentSizeSize : 0)
  if (end > input.length) return 'no whole header'
  return {
    end,
    blockSizeMax: 2 ** (2 * sizeCode + 8),
    hasBlockChecksums: (flags & blockChecksumFlag) !== 0,
    hasContentChecksum: (flags & contentChecksumFlag) !== 0,
    contentSize: hasContentSize ? Number(input.readBigUInt64LE(start + contentSizeAt)) : null
  }
}

interface Blocks {
  /** Of the frame. */
  readonly end: number
  readonly sizeAtLeast: number
  readonly sizeAtMost: number
}

/** The blocks behind `header` and the end of their frame, or what is wrong with them. */
function walkBlocks(input: Buffer, header: FrameHeader): Blocks | string {
  const { blockSizeMax, hasBlockChecksums, hasContentChecksum } = header
  let at = header.end
  let sizeAtLeast = 0
  let sizeAtMost = 0
  for (;;) {
    if (input.length - at < endMark.length) return 'a frame without an end'
    const sizeField = input.readUInt32LE(at)
    at += endMark.length
    if (sizeField === 0) break
    const size = sizeField % plainBlockBit
    if (size === 0 || size > blockSizeMax) return `a block of ${size} bytes`
    at += size + (hasBlockChecksums ? checksumSize : 0)
    const isPlain = sizeField >= plainBlockBit
    sizeAtLeast += isPlain ? size : 0
    sizeAtMost += isPlain ? size : Math.min(blockSizeMax, expansionMax * size)
  }
  const end = at + (hasContentChecksum ? checksumSize : 0)
  return end > input.length ? 'a frame without its checksum' : { end, sizeAtLeast, sizeAtMost }
}
