import { xxHash32 } from 'js-xxhash'
import { failure, success, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import { packBlock, unpackBlock, unpackedBlockSize } from './lz4-block.ts'

// Kafka's lz4 is the LZ4 frame format with blocks that do not depend on each other, as its
// `Lz4BlockOutputStream` writes it and its `Lz4BlockInputStream` reads it: no dictionaries, no
// linked blocks, and a header checksum that is right. (Message sets of magic 0 had a wrong one;
// there are none here.) Checksums of blocks and of the content are optional, and checked.

const frameMagic = 0x184d2204
/** Flags of a frame's first byte, and what it must say besides: version 1, independent blocks. */
const requiredFlags = 0x60
const blockChecksumFlag = 0x10
const contentSizeFlag = 0x08
const contentChecksumFlag = 0x04
const checksumSize = 4
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
 * Every block is walked over before anything is unpacked, so the size of the outcome is known and
 * allocated once.
 */
export function decompressLz4(
  bytes: Uint8Array,
  sizeMax: number
): Result<Buffer, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const blockSizes: number[] = []
  let size = 0
  const walk = new Lz4Frames(input)
  for (let part = walk.next(); part !== null; part = walk.next()) {
    if (part === 'frame end') continue
    const unpacked = sizeOfBlock(walk)
    if (unpacked === null) return failure('CORRUPT_MESSAGE', 'lz4: a malformed block')
    walk.frameSize += unpacked
    size += unpacked
    if (size > sizeMax) return failure('MESSAGE_TOO_LARGE', `lz4 holds more than ${sizeMax} bytes`)
    blockSizes.push(unpacked)
  }
  if (walk.fault !== null) return failure('CORRUPT_MESSAGE', `lz4: ${walk.fault}`)
  return unpack(input, blockSizes, size)
}

function sizeOfBlock({ block, isPacked, blockSizeMax }: Lz4Frames): number | null {
  return isPacked ? unpackedBlockSize(block, blockSizeMax) : block.length
}

/** Unpacks frames that have been walked over; only their checksums are still to be seen. */
function unpack(
  input: Buffer,
  blockSizes: readonly number[],
  size: number
): Result<Buffer, 'CORRUPT_MESSAGE'> {
  const output = Buffer.allocUnsafe(size)
  const frames = new Lz4Frames(input)
  let at = 0
  let index = 0
  for (let part = frames.next(); part !== null; part = frames.next()) {
    if (part === 'block') {
      const { block, blockChecksum } = frames
      const unpackedSize = blockSizes[index++]!
      if (blockChecksum !== null && blockChecksum !== xxHash32(block))
        return failure('CORRUPT_MESSAGE', 'lz4: the checksum of a block is wrong')
      if (frames.isPacked) unpackBlock(block, unpackedSize, output, at)
      else output.set(block, at)
      at += unpackedSize
      frames.frameSize += unpackedSize
    } else {
      const { contentChecksum } = frames
      const content = output.subarray(at - frames.frameSize, at)
      if (contentChecksum !== null && contentChecksum !== xxHash32(content))
        return failure('CORRUPT_MESSAGE', 'lz4: the checksum of the content is wrong')
    }
  }
  return success(output)
}

/**
 * Walks over frames, one behind the other, and their blocks. The bytes may be anything; what is not
 * a frame ends the walk with a `fault`.
 */
class Lz4Frames {
  readonly #input: Buffer
  #at = 0
  #inFrame = false
  #hasBlockChecksums = false
  #hasContentChecksum = false
  #contentSize: bigint | null = null

  /** What is wrong with the bytes, for people; null while nothing is. */
  fault: string | null = null
  /** Bytes that the blocks of this frame unpack to; whoever knows adds them. */
  frameSize = 0
  /** Most bytes that a block of this frame may unpack to. */
  blockSizeMax = 0
  /** The bytes of the block at hand. */
  block: Buffer
  isPacked = false
  blockChecksum: number | null = null
  /** Of the frame that has just ended. */
  contentChecksum: number | null = null

  constructor(input: Buffer) {
    this.#input = input
    this.block = input
  }

  /** Steps to the next block or the next end of a frame; null at the end of the bytes. */
  next(): 'block' | 'frame end' | null {
    if (this.fault !== null) return null
    if (!this.#inFrame) {
      // No bytes at all are not a frame either.
      if (this.#at > 0 && this.#left === 0) return null
      const fault = this.#readHeader()
      if (fault !== null) return this.#fail(fault)
    }
    if (this.#left < 4) return this.#fail('a frame without an end')
    const sizeField = this.#uint32()
    if (sizeField === 0) return this.#endFrame()
    const size = sizeField % plainBlockBit
    const checksumSizes = this.#hasBlockChecksums ? checksumSize : 0
    if (size === 0 || size > this.blockSizeMax) return this.#fail(`a block of ${size} bytes`)
    if (size + checksumSizes > this.#left) return this.#fail('a block beyond the end')
    this.isPacked = sizeField < plainBlockBit
    this.block = this.#input.subarray(this.#at, this.#at + size)
    this.#at += size
    this.blockChecksum = this.#hasBlockChecksums ? this.#uint32() : null
    return 'block'
  }

  #endFrame(): 'frame end' | null {
    if (this.#contentSize !== null && this.#contentSize !== BigInt(this.frameSize))
      return this.#fail('a frame that does not hold as much as it says')
    if (this.#hasContentChecksum && this.#left < checksumSize)
      return this.#fail('a frame without its checksum')
    this.contentChecksum = this.#hasContentChecksum ? this.#uint32() : null
    this.#inFrame = false
    return 'frame end'
  }

  /** @returns what is wrong, or null */
  #readHeader(): string | null {
    if (this.#left < frameHeader.length) return 'no whole header'
    if (this.#uint32() !== frameMagic) return 'no frame'
    const start = this.#at
    const flags = this.#input[this.#at++]!
    const known = blockChecksumFlag | contentSizeFlag | contentChecksumFlag
    if ((flags & ~known) !== requiredFlags) return `a frame with the flags ${flags}`
    const descriptor = this.#input[this.#at++]!
    const sizeCode = descriptor >>> 4
    if ((descriptor & 0x0f) !== 0 || sizeCode < 4 || sizeCode > 7)
      return `a block descriptor of ${descriptor}`
    this.#contentSize = null
    if ((flags & contentSizeFlag) !== 0) {
      if (this.#left < 9) return 'no whole header'
      this.#contentSize = this.#input.readBigUInt64LE(this.#at)
      this.#at += 8
    }
    const checksum = (xxHash32(this.#input.subarray(start, this.#at)) >>> 8) & 0xff
    if (this.#input[this.#at++] !== checksum) return 'the checksum of a header is wrong'
    this.blockSizeMax = 2 ** (2 * sizeCode + 8)
    this.#hasBlockChecksums = (flags & blockChecksumFlag) !== 0
    this.#hasContentChecksum = (flags & contentChecksumFlag) !== 0
    this.#inFrame = true
    this.frameSize = 0
    return null
  }

  get #left(): number {
    return this.#input.length - this.#at
  }

  #uint32(): number {
    const value = this.#input.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  #fail(fault: string): null {
    this.fault = fault
    return null
  }
}
