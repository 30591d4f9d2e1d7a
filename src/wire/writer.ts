import { assert } from '../base/assert.ts'
import { stringSizeMax, writerChunkSizeMin } from '../limits.ts'
import { writeUuid } from './uuid.ts'

const two32 = 0x1_0000_0000
/** What a writer allocates at least, bytes. Responses share it, one after the other. */
const slabSize = 16 * 1024
/** Up to this length an ASCII string is stored by hand: quicker than the way into the runtime. */
const handWrittenTextLength = 48

/**
 * Writes Kafka's primitive types into memory of its own, which grows.
 *
 * Large byte fields are not copied: they become chunks of their own between the writer's. Chunks
 * that have been taken are never written again, so they may wait in a socket while the writer goes
 * on.
 */
export class Writer {
  #buffer: Buffer
  /** The same memory: storing a number through a view is one operation, where bytes are four. */
  #view: DataView
  /** Where in the buffer the bytes begin that have not been taken. */
  #start = 0
  #position = 0
  /** Foreign chunks, and after how many of our bytes each one stands. */
  #foreign: Buffer[] = []
  #foreignAfter: number[] = []
  #foreignSize = 0
  #frameStart = -1
  #frameForeignSize = 0
  /** Inside a tagged field everything is copied, for the field's size stands before it. */
  #openTags = 0

  /** @param size bytes to allocate at once, for a writer that is used for one message */
  constructor(size = slabSize) {
    this.#buffer = Buffer.allocUnsafe(size)
    this.#view = viewOf(this.#buffer)
  }

  /** Bytes written since the last `takeChunks` or `reset`. */
  get size(): number {
    return this.#position - this.#start + this.#foreignSize
  }

  /** Drops what has been written and not been taken. */
  reset(): void {
    this.#position = this.#start
    this.#clear()
  }

  /**
   * What has been written since the last call, in order. The writer forgets it; the chunks stay
   * valid.
   */
  takeChunks(): Buffer[] {
    assert(this.#frameStart < 0 && this.#openTags === 0, 'a frame is taken when it is complete')
    const chunks: Buffer[] = []
    let from = this.#start
    for (let index = 0; index < this.#foreign.length; index++) {
      const to = this.#start + this.#foreignAfter[index]!
      if (to > from) chunks.push(this.#buffer.subarray(from, to))
      chunks.push(this.#foreign[index]!)
      from = to
    }
    if (this.#position > from) chunks.push(this.#buffer.subarray(from, this.#position))
    this.#start = this.#position
    this.#clear()
    return chunks
  }

  /** Leaves room for the size of a frame, which `endFrame` fills in. */
  beginFrame(): void {
    assert(this.#frameStart < 0, 'one frame is written at a time')
    this.#frameStart = this.#position - this.#start
    this.#frameForeignSize = this.#foreignSize
    this.#room(4)
    this.#position += 4
  }

  endFrame(): void {
    assert(this.#frameStart >= 0, 'a frame was begun')
    const at = this.#start + this.#frameStart
    const size = this.#position - at - 4 + this.#foreignSize - this.#frameForeignSize
    this.#frameStart = -1
    this.#view.setInt32(at, size)
  }

  int8(value: number): void {
    assert(value === (value << 24) >> 24, 'an int8')
    this.#storeByte(value)
  }

  bool(value: boolean): void {
    this.#storeByte(value ? 1 : 0)
  }

  int16(value: number): void {
    assert(value === (value << 16) >> 16, 'an int16')
    this.#storeInt16(value)
  }

  uint16(value: number): void {
    assert(value === (value & 0xffff), 'a uint16')
    this.#storeInt16(value)
  }

  int32(value: number): void {
    assert(value === (value | 0), 'an int32')
    const at = this.#room(4)
    this.#view.setInt32(at, value)
    this.#position = at + 4
  }

  /** A safe integer as an int64. */
  int64(value: number): void {
    assert(Number.isSafeInteger(value), 'an int64 that is a safe integer')
    const at = this.#room(8)
    this.#view.setInt32(at, Math.floor(value / two32))
    this.#view.setInt32(at + 4, value | 0)
    this.#position = at + 8
  }

  exactInt64(value: bigint): void {
    assert(value === BigInt.asIntN(64, value), 'an int64')
    const at = this.#room(8)
    this.#view.setBigInt64(at, value)
    this.#position = at + 8
  }

  float64(value: number): void {
    const at = this.#room(8)
    this.#view.setFloat64(at, value)
    this.#position = at + 8
  }

  uuid(value: string): void {
    const at = this.#room(16)
    writeUuid(this.#buffer, at, value)
    this.#position = at + 16
  }

  uvarint(value: number): void {
    assert(value === value >>> 0, 'an unsigned 32-bit integer')
    let at = this.#room(5)
    let left = value
    while (left >= 0x80) {
      this.#buffer[at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.#buffer[at++] = left
    this.#position = at
  }

  /** Zig-zag, 32 bits, as in records. */
  varint(value: number): void {
    assert(value === (value | 0), 'an int32')
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zig-zag, 64 bits, of a safe integer. */
  varlong(value: number): void {
    assert(Number.isSafeInteger(value), 'an int64 that is a safe integer')
    const positive = value >= 0 ? value : -value - 1
    let high = Math.floor(positive / 2 ** 31)
    let low = ((positive * 2) >>> 0) + (value < 0 ? 1 : 0)
    let at = this.#room(10)
    while (high > 0 || low >= 0x80) {
      this.#buffer[at++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high = Math.floor(high / 0x80)
    }
    this.#buffer[at++] = low
    this.#position = at
  }

  string(value: string | null): void {
    assert(value !== null, 'a string that cannot be null')
    this.#sizedText(value, false)
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.#sizedText(value, false)
  }

  compactString(value: string | null): void {
    assert(value !== null, 'a string that cannot be null')
    this.#sizedText(value, true)
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0)
    else this.#sizedText(value, true)
  }

  /**
   * Bytes in one piece or in several that stand for one. Large pieces are not copied: do not change
   * them after.
   */
  bytes(value: Buffer | readonly Buffer[] | null): void {
    assert(value !== null, 'bytes that cannot be null')
    this.nullableBytes(value)
  }

  nullableBytes(value: Buffer | readonly Buffer[] | null): void {
    if (value === null) {
      this.int32(-1)
      return
    }
    this.int32(sizeOf(value))
    this.#pieces(value)
  }

  compactBytes(value: Buffer | readonly Buffer[] | null): void {
    assert(value !== null, 'bytes that cannot be null')
    this.compactNullableBytes(value)
  }

  compactNullableBytes(value: Buffer | readonly Buffer[] | null): void {
    if (value === null) {
      this.uvarint(0)
      return
    }
    this.uvarint(sizeOf(value) + 1)
    this.#pieces(value)
  }

  /** Whether a nullable structure follows. */
  present(value: boolean): void {
    this.int8(value ? 1 : -1)
  }

  arrayLength(length: number): void {
    assert(length >= 0, 'an array that cannot be null')
    this.int32(length)
  }

  /** @param length -1 for null */
  nullableArrayLength(length: number): void {
    this.int32(length)
  }

  compactArrayLength(length: number): void {
    assert(length >= 0, 'an array that cannot be null')
    this.uvarint(length + 1)
  }

  /** @param length -1 for null */
  compactNullableArrayLength(length: number): void {
    this.uvarint(length + 1)
  }

  /** Begins a tagged field and returns what `endTag` wants to know. */
  beginTag(tag: number): number {
    this.uvarint(tag)
    this.#openTags++
    return this.#position - this.#start
  }

  /** Ends a tagged field: its size, known only now, is put before it. */
  endTag(begun: number): void {
    this.#openTags--
    const from = this.#start + begun
    const size = this.#position - from
    const sizeSize = size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x20_0000 ? 3 : 4
    this.#room(sizeSize)
    const at = this.#start + begun
    this.#buffer.copyWithin(at + sizeSize, at, at + size)
    const end = at + sizeSize + size
    this.#position = at
    this.uvarint(size)
    this.#position = end
  }

  /** Bytes as they are, without a length before them. */
  raw(value: Buffer): void {
    if (value.length >= writerChunkSizeMin && this.#openTags === 0) {
      this.#foreign.push(value)
      this.#foreignAfter.push(this.#position - this.#start)
      this.#foreignSize += value.length
      return
    }
    const at = this.#room(value.length)
    value.copy(this.#buffer, at)
    this.#position = at + value.length
  }

  #pieces(value: Buffer | readonly Buffer[]): void {
    if (Buffer.isBuffer(value)) this.raw(value)
    else for (const piece of value) this.raw(piece)
  }

  #sizedText(value: string, compact: boolean): void {
    const length = value.length
    if (length > handWrittenTextLength) {
      this.#longText(value, compact)
      return
    }
    const begin = this.#room(2 + length)
    const buffer = this.#buffer
    let at = begin
    if (compact) {
      buffer[at++] = length + 1
    } else {
      buffer[at++] = 0
      buffer[at++] = length
    }
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code >= 0x80) {
        this.#longText(value, compact)
        return
      }
      buffer[at++] = code
    }
    this.#position = at
  }

  #longText(value: string, compact: boolean): void {
    const size = Buffer.byteLength(value)
    assert(size <= stringSizeMax, 'a string whose size fits in 15 bits')
    if (compact) this.uvarint(size + 1)
    else this.#storeInt16(size)
    const at = this.#room(size)
    this.#buffer.write(value, at, size, 'utf8')
    this.#position = at + size
  }

  #storeByte(value: number): void {
    // In a statement of its own: making room may exchange the buffer.
    const at = this.#room(1)
    this.#buffer[at] = value
    this.#position = at + 1
  }

  #storeInt16(value: number): void {
    const at = this.#room(2)
    this.#view.setInt16(at, value)
    this.#position = at + 2
  }

  /** Makes room for `size` more bytes and returns the position where they go. */
  #room(size: number): number {
    if (this.#position + size > this.#buffer.length) this.#grow(size)
    return this.#position
  }

  #grow(size: number): void {
    const pending = this.#position - this.#start
    const buffer = Buffer.allocUnsafe(Math.max(slabSize, 2 * (pending + size)))
    this.#buffer.copy(buffer, 0, this.#start, this.#position)
    this.#buffer = buffer
    this.#view = viewOf(buffer)
    this.#start = 0
    this.#position = pending
  }

  #clear(): void {
    this.#foreign = []
    this.#foreignAfter = []
    this.#foreignSize = 0
    this.#frameStart = -1
    this.#openTags = 0
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function sizeOf(value: Buffer | readonly Buffer[]): number {
  if (Buffer.isBuffer(value)) return value.length
  let size = 0
  for (const piece of value) size += piece.length
  return size
}
