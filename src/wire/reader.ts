import { isUtf8 } from 'node:buffer'
import {
  decodedElementsMax,
  stringSizeMax,
  taggedFieldSizeMax,
  taggedFieldsMax
} from '../limits.ts'
import { MalformedRequest } from './malformed-request.ts'
import { recentText, rememberText } from './recent-text.ts'
import { readUuid } from './uuid.ts'

const two32 = 0x1_0000_0000
/** From this high word on, an int64 is beyond the safe integers. */
const unsafeHigh = 0x20_0000

/**
 * Reads Kafka's primitive types from a range of a buffer, one after the other.
 *
 * Every read is checked against the bytes that are there; nothing is allocated by a number that was
 * read before it is checked. Buffers that are handed out are views: whoever keeps one longer than
 * the frame copies it.
 *
 * @throws MalformedRequest from any method, naming the type and the byte
 */
export class Reader {
  readonly #buffer: Buffer
  readonly #start: number
  readonly #end: number
  #position: number
  #elementsLeft: number

  /**
   * @param start first byte to read
   * @param end byte after the last one
   * @param elementsMax most array elements and tagged fields that may be read in all
   */
  constructor(buffer: Buffer, start = 0, end = buffer.length, elementsMax = decodedElementsMax) {
    this.#buffer = buffer
    this.#start = start
    this.#end = end
    this.#position = start
    this.#elementsLeft = elementsMax
  }

  /** Position in the buffer of the next byte. */
  get position(): number {
    return this.#position
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#end - this.#position
  }

  int8(): number {
    const at = this.#advance(1, 'int8')
    return (this.#buffer[at]! << 24) >> 24
  }

  /** Any byte but zero is true, as in Kafka. */
  bool(): boolean {
    const at = this.#advance(1, 'bool')
    return this.#buffer[at] !== 0
  }

  int16(): number {
    const at = this.#advance(2, 'int16')
    const buffer = this.#buffer
    return ((buffer[at]! << 24) >> 16) | buffer[at + 1]!
  }

  uint16(): number {
    const at = this.#advance(2, 'uint16')
    const buffer = this.#buffer
    return (buffer[at]! << 8) | buffer[at + 1]!
  }

  int32(): number {
    const at = this.#advance(4, 'int32')
    const buffer = this.#buffer
    return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
  }

  /**
   * An int64 as a number. What lies beyond the safe integers saturates to
   * ±Number.MAX_SAFE_INTEGER, so that it is answered as out of range and never rounded.
   */
  int64(): number {
    const at = this.#advance(8, 'int64')
    const buffer = this.#buffer
    const high =
      (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
    const low =
      (buffer[at + 4]! << 24) | (buffer[at + 5]! << 16) | (buffer[at + 6]! << 8) | buffer[at + 7]!
    if (high >= unsafeHigh) return Number.MAX_SAFE_INTEGER
    const value = high * two32 + (low >>> 0)
    return value < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : value
  }

  /** An int64 that a client gets back as it was: all 64 bits. */
  exactInt64(): bigint {
    const at = this.#advance(8, 'int64')
    return this.#buffer.readBigInt64BE(at)
  }

  float64(): number {
    const at = this.#advance(8, 'float64')
    return this.#buffer.readDoubleBE(at)
  }

  /** Sixteen bytes as 22 characters of base64url. */
  uuid(): string {
    return readUuid(this.#buffer, this.#advance(16, 'uuid'))
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(): number {
    const at = this.#position
    if (at < this.#end) {
      const byte = this.#buffer[at]!
      if (byte < 0x80) {
        this.#position = at + 1
        return byte
      }
    }
    return this.#longUvarint()
  }

  /** A zig-zag varint of at most 32 bits, as in records. */
  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** A zig-zag varint of at most 64 bits; beyond the safe integers it saturates as int64 does. */
  varlong(): number {
    let low = 0
    let middle = 0
    let high = 0
    for (let index = 0; ; index++) {
      const byte = this.#buffer[this.#advance(1, 'varlong')]!
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index < 8) middle |= bits << (7 * (index - 4))
      else if (index === 8) high = bits
      else if (byte > 1) this.#fail('varlong of more than 64 bits')
      else high |= bits << 7
      if (byte < 0x80) break
    }
    const half = (low >>> 1) + middle * 2 ** 27 + high * 2 ** 55
    const value = low & 1 ? -half - 1 : half
    if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
    return value < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : value
  }

  string(): string {
    const size = this.int16()
    if (size < 0) this.#fail(`string of ${size} bytes`)
    return this.#text(size)
  }

  nullableString(): string | null {
    const size = this.int16()
    if (size < -1) this.#fail(`string of ${size} bytes`)
    return size < 0 ? null : this.#text(size)
  }

  compactString(): string {
    const size = this.uvarint() - 1
    if (size < 0) this.#fail('null for a string that cannot be null')
    return this.#text(size)
  }

  compactNullableString(): string | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.#text(size)
  }

  /** A view of the frame: copy it to keep it. */
  bytes(): Buffer {
    return this.view(this.int32())
  }

  nullableBytes(): Buffer | null {
    const size = this.int32()
    return size === -1 ? null : this.view(size)
  }

  compactBytes(): Buffer {
    return this.view(this.uvarint() - 1)
  }

  compactNullableBytes(): Buffer | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.view(size)
  }

  /** The next `size` bytes, not copied. */
  view(size: number): Buffer {
    if (size < 0) this.#fail(`bytes of length ${size}`)
    const at = this.#advance(size, 'bytes')
    return this.#buffer.subarray(at, at + size)
  }

  /** Whether a nullable structure follows. */
  present(): boolean {
    return this.int8() >= 0
  }

  /**
   * How many elements follow.
   *
   * @param elementSizeMin fewest bytes that one element takes in this version
   */
  arrayLength(elementSizeMin: number): number {
    return this.#elements(this.int32(), elementSizeMin)
  }

  /** As `arrayLength`, and -1 for null. */
  nullableArrayLength(elementSizeMin: number): number {
    const length = this.int32()
    return length === -1 ? -1 : this.#elements(length, elementSizeMin)
  }

  compactArrayLength(elementSizeMin: number): number {
    return this.#elements(this.uvarint() - 1, elementSizeMin)
  }

  compactNullableArrayLength(elementSizeMin: number): number {
    const length = this.uvarint() - 1
    return length < 0 ? -1 : this.#elements(length, elementSizeMin)
  }

  /** How many tagged fields follow. */
  tagCount(countMax = taggedFieldsMax): number {
    const count = this.uvarint()
    if (count === 0) return 0
    if (count > countMax || count * 2 > this.remaining) this.#fail(`${count} tagged fields`)
    this.#spend(count)
    return count
  }

  /**
   * The tag of the next tagged field, which must be greater than the one before (-1: there is
   * none).
   */
  tag(previous: number): number {
    const tag = this.uvarint()
    if (tag <= previous) this.#fail(`tag ${tag} after tag ${previous}`)
    return tag
  }

  /** Reads the size of a tagged field and returns the position where its value ends. */
  tagEnd(): number {
    const size = this.uvarint()
    if (size > taggedFieldSizeMax || size > this.remaining) {
      this.#fail(`tagged field of ${size} bytes`)
    }
    return this.#position + size
  }

  /** Checks that a known tagged field took exactly the bytes that were announced. */
  expectTagEnd(end: number): void {
    if (this.#position !== end) {
      this.#fail(`tagged field that ends ${end - this.#position} bytes beside its size`)
    }
  }

  /** Leaves out an unknown tagged field. */
  skipTag(end: number): void {
    this.#position = end
  }

  /** Leaves out all tagged fields: none of them is known here. */
  skipTags(countMax = taggedFieldsMax): void {
    let tag = -1
    for (let left = this.tagCount(countMax); left > 0; left--) {
      tag = this.tag(tag)
      this.#position = this.tagEnd()
    }
  }

  /** Refuses bytes after the end of a message. */
  expectEnd(): void {
    if (this.#position !== this.#end) this.#fail(`${this.remaining} bytes after the end`)
  }

  #advance(size: number, what: string): number {
    const at = this.#position
    if (size > this.#end - at) this.#fail(`${what} of ${size} bytes with ${this.#end - at} left`)
    this.#position = at + size
    return at
  }

  #longUvarint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#buffer[this.#advance(1, 'uvarint')]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const byte = this.#buffer[this.#advance(1, 'uvarint')]!
    if (byte > 0x0f) this.#fail('uvarint of more than 32 bits')
    return value + byte * 2 ** 28
  }

  /**
   * The name of a topic, a group, a member: UTF-8, and nothing that is not UTF-8 passes as
   * something else.
   */
  #text(size: number): string {
    if (size > stringSizeMax) this.#fail(`string of ${size} bytes`)
    if (size === 0) return ''
    const at = this.#advance(size, 'string')
    return recentText(this.#buffer, at, size) ?? this.#newText(at, size)
  }

  #newText(at: number, size: number): string {
    const text = this.#buffer.toString('utf8', at, at + size)
    if (text.includes('\ufffd') && !isUtf8(this.#buffer.subarray(at, at + size))) {
      this.#fail('string that is not UTF-8')
    }
    rememberText(this.#buffer, at, size, text)
    return text
  }

  #elements(length: number, elementSizeMin: number): number {
    if (length < 0 || length * elementSizeMin > this.remaining) {
      this.#fail(`array of ${length} elements in ${this.remaining} bytes`)
    }
    this.#spend(length)
    return length
  }

  #spend(count: number): void {
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) this.#fail('more elements than one request may have')
  }

  #fail(what: string): never {
    throw new MalformedRequest(`${what}, before byte ${this.#position - this.#start}`)
  }
}
