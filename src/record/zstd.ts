import { failure, success, type Failure, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import { zstdWindowSizeMax } from '../limits.ts'
import { compressInNode, decompressInNode } from './zstd-node.ts'
import { compressInWasm, unpackInWasm } from './zstd-wasm.ts'

// zstd, by Node where it has it and else as WebAssembly. Frames that were streamed (the Java client
// does that) do not say how much they hold, so frames and blocks are walked over first (RFC 8878):
// that tells how much can come out, and that every frame is whole.

const frameMagic = 0xfd2fb528
/** The low four bits of this magic are free; such frames hold nothing of the content. */
const skippableMagic = 0x184d2a50
const magicSize = 4
const checksumSize = 4
const blockHeaderSize = 3
const blockContentMax = 128 * KiB
/** Kafka's default for `compression.zstd.level`. */
const defaultLevel = 3

export function compressZstd(bytes: Uint8Array, level = defaultLevel): Buffer {
  return compressInNode(bytes, level) ?? compressInWasm(bytes, level)
}

/**
 * No more memory is taken for what comes out than the walk has found, or `sizeMax` allows. `work`
 * may look at it until it returns.
 */
export function unpackZstd<T>(
  bytes: Uint8Array,
  sizeMax: number,
  work: (unpacked: Buffer) => T
): Result<T, 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const walked = walkFrames(input)
  if (!walked.ok) return walked
  const { sizeAtLeast, sizeAtMost, onlyFrame } = walked.value
  if (sizeAtLeast > sizeMax) return tooLarge(sizeMax)
  const outputMax = Math.min(sizeAtMost, sizeMax)
  const inNode = onlyFrame === null ? null : decompressInNode(onlyFrame, outputMax)
  if (Buffer.isBuffer(inNode)) return success(work(inNode))
  const unpacked = inNode ?? unpackInWasm(input, outputMax, work)
  if (typeof unpacked !== 'string') return success(unpacked.value)
  if (unpacked === 'too large' && sizeAtMost > sizeMax) return tooLarge(sizeMax)
  return failure('CORRUPT_MESSAGE', 'zstd: malformed')
}

function tooLarge(sizeMax: number): Failure<'MESSAGE_TOO_LARGE'> {
  return failure('MESSAGE_TOO_LARGE', `zstd holds more than ${sizeMax} bytes`)
}

/** What can be known of frames without unpacking them. */
interface Walked {
  /** Bounds of what they unpack to, bytes. */
  readonly sizeAtLeast: number
  readonly sizeAtMost: number
  /** The one frame with content; null when there are none or several. */
  readonly onlyFrame: Buffer | null
}

/**
 * Walks over frames, one behind the other.
 *
 * @returns CORRUPT_MESSAGE for bytes that are not whole frames, for frames whose window is too
 *   large to look back through, and for those that cannot hold what they say they hold
 */
export function walkFrames(input: Buffer): Result<Walked, 'CORRUPT_MESSAGE'> {
  let sizeAtLeast = 0
  let sizeAtMost = 0
  let frames = 0
  let onlyFrame: Buffer | null = null
  let at = 0
  while (at < input.length || at === 0) {
    if (input.length - at < 2 * magicSize) return malformed('no whole frame')
    const magic = input.readUInt32LE(at)
    if ((magic & ~0xf) >>> 0 === skippableMagic) {
      at += 2 * magicSize + input.readUInt32LE(at + magicSize)
      if (at > input.length) return malformed('a skippable frame beyond the end')
      continue
    }
    if (magic !== frameMagic) return malformed('no frame')
    const frame = walkFrame(input, at)
    if (typeof frame === 'string') return malformed(frame)
    sizeAtLeast += frame.sizeAtLeast
    sizeAtMost += frame.sizeAtMost
    onlyFrame = frames++ === 0 ? input.subarray(at, frame.end) : null
    at = frame.end
  }
  return success({ sizeAtLeast, sizeAtMost, onlyFrame })
}

function malformed(fault: string): Failure<'CORRUPT_MESSAGE'> {
  return failure('CORRUPT_MESSAGE', `zstd: ${fault}`)
}

interface FrameHeader {
  readonly end: number
  readonly windowSize: number
  readonly hasChecksum: boolean
  /** Null: the frame was streamed. */
  readonly contentSize: number | null
}

/** The header behind the magic at `start`, or what is wrong with it. */
function readHeader(input: Buffer, start: number): FrameHeader | string {
  const descriptor = input[start + magicSize]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  if ((descriptor & 0x08) !== 0) return 'a reserved bit'
  const windowAt = start + magicSize + 1
  const dictionaryAt = windowAt + (isSingleSegment ? 0 : 1)
  const contentSizeAt = dictionaryAt + [0, 1, 2, 4][descriptor & 3]!
  const contentSizeSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!
  const end = contentSizeAt + contentSizeSize
  if (end > input.length) return 'no whole header'
  const contentSize = readContentSize(input, contentSizeAt, contentSizeSize)
  const windowSize = isSingleSegment ? (contentSize ?? 0) : windowSizeOf(input[windowAt]!)
  const hasChecksum = (descriptor & 0x04) !== 0
  if (windowSize > zstdWindowSizeMax) return `a window of ${windowSize} bytes`
  return { end, windowSize, hasChecksum, contentSize }
}

function readContentSize(input: Buffer, at: number, size: number): number | null {
  switch (size) {
    case 0:
      return null
    case 1:
      return input[at]!
    case 2:
      return input.readUInt16LE(at) + 256
    case 4:
      return input.readUInt32LE(at)
    default:
      return Number(input.readBigUInt64LE(at))
  }
}

function windowSizeOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 7)
}

interface Frame {
  readonly end: number
  readonly sizeAtLeast: number
  readonly sizeAtMost: number
}

/** The frame at `start`, or what is wrong with it. */
function walkFrame(input: Buffer, start: number): Frame | string {
  const header = readHeader(input, start)
  if (typeof header === 'string') return header
  const blockMax = Math.min(header.windowSize, blockContentMax)
  let { end } = header
  let sizeAtLeast = 0
  let sizeAtMost = 0
  for (let isLast = false; !isLast;) {
    if (input.length - end < blockHeaderSize) return 'no whole block'
    const block = input.readUIntLE(end, blockHeaderSize)
    isLast = (block & 1) === 1
    const type = blockTypes[(block >>> 1) & 3]!
    const size = block >>> 3
    if (type === 'reserved' || size > blockMax) return `a block of ${size} bytes (${type})`
    end += blockHeaderSize + (type === 'repeated' ? 1 : size)
    if (end > input.length) return 'a block beyond the end'
    sizeAtLeast += type === 'compressed' ? 0 : size
    sizeAtMost += type === 'compressed' ? blockMax : size
  }
  if (header.hasChecksum) end += checksumSize
  if (end > input.length) return 'a frame without its checksum'
  const { contentSize } = header
  if (contentSize === null) return { end, sizeAtLeast, sizeAtMost }
  if (contentSize < sizeAtLeast || contentSize > sizeAtMost)
    return `a frame that cannot hold ${contentSize} bytes`
  return { end, sizeAtLeast: contentSize, sizeAtMost: contentSize }
}

const blockTypes = ['plain', 'repeated', 'compressed', 'reserved'] as const
