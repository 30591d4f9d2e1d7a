import { assert } from '../base/assert.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/**
 * Walks over the records of one batch, without making objects of them: after `next` the fields tell of the record at
 * hand. The bytes may be anything that a client sent; what is not a record ends the walk with a `fault`, and neither
 * an endless loop nor a read outside the range can come of it. The format is Kafka's `DefaultRecord`.
 */
export class RecordCursor {
  readonly #bytes: Buffer
  readonly #end: number
  #position: number

  /** What is wrong with the bytes, for people; null while nothing is. */
  fault: string | null = null
  offsetDelta = 0
  /** Beyond the safe integers only the nearest double. */
  timestampDelta = 0
  keyPosition = 0
  /** -1: the record has no key. */
  keySize = -1
  valuePosition = 0
  /** -1: the value is null, a tombstone. */
  valueSize = -1
  headerCount = 0
  headersPosition = 0

  /** The records lie in `bytes` from `start` up to `end`, exclusive and within `bytes`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Whether every byte has been walked over. */
  get atEnd(): boolean {
    return this.#position === this.#end
  }

  /** Steps to the next record; false when there is none, or none that makes sense. */
  next(): boolean {
    if (this.#position >= this.#end || this.fault !== null) return false
    const size = this.#varint()
    const recordEnd = this.#position + size
    // An empty record is too small for its attributes; the check of the end below sees that as well.
    if (size < 0 || recordEnd > this.#end)
      return this.#fail(`a record of ${size} bytes, where ${this.#end - this.#position} are left`)
    // The attributes: one byte that has no meaning yet.
    this.#position++
    this.timestampDelta = this.#varlong()
    this.offsetDelta = this.#varint()
    const keySize = this.#varint()
    this.keySize = keySize < 0 ? -1 : keySize
    this.keyPosition = this.#position
    if (!this.#skip(keySize, recordEnd)) return this.#fail(`a key of ${keySize} bytes`)
    const valueSize = this.#varint()
    this.valueSize = valueSize < 0 ? -1 : valueSize
    this.valuePosition = this.#position
    if (!this.#skip(valueSize, recordEnd)) return this.#fail(`a value of ${valueSize} bytes`)
    this.headerCount = this.#varint()
    this.headersPosition = this.#position
    if (this.headerCount !== 0 && !this.#skipHeaders(recordEnd)) return false
    if (this.#position !== recordEnd)
      return this.#fail(`a record whose fields do not fill its ${size} bytes`)
    return this.fault === null
  }

  /** The headers of the record at hand; their values are views. */
  headers(): readonly RecordHeader[] {
    const recordEnd = this.#position
    const headers: RecordHeader[] = []
    this.#position = this.headersPosition
    for (let index = 0; index < this.headerCount; index++) {
      const keySize = this.#varint()
      const key = this.#bytes.toString('utf8', this.#position, this.#position + keySize)
      this.#position += keySize
      const valueSize = this.#varint()
      const valueEnd = this.#position + Math.max(valueSize, 0)
      headers.push({
        key,
        value: valueSize < 0 ? null : this.#bytes.subarray(this.#position, valueEnd)
      })
      this.#position = valueEnd
    }
    assert(this.#position === recordEnd, 'the headers end where the record does')
    return headers
  }

  #skipHeaders(recordEnd: number): boolean {
    const count = this.headerCount
    // Two bytes each at least, which also bounds the loop.
    if (count < 0 || count * 2 > recordEnd - this.#position)
      return this.#fail(`a record of ${count} headers`)
    for (let index = 0; index < count; index++) {
      const keySize = this.#varint()
      if (keySize < 0 || !this.#skip(keySize, recordEnd))
        return this.#fail(`a header key of ${keySize} bytes`)
      const valueSize = this.#varint()
      if (!this.#skip(valueSize, recordEnd))
        return this.#fail(`a header value of ${valueSize} bytes`)
    }
    return true
  }

  /** Negative sizes mean null and take no bytes. */
  #skip(size: number, recordEnd: number): boolean {
    if (size > recordEnd - this.#position) return false
    if (size > 0) this.#position += size
    return true
  }

  #fail(fault: string): false {
    this.fault ??= fault
    return false
  }

  /** Zigzag, 32 bits in at most five bytes. Behind the end of the bytes it reads zeros; the caller checks the position. */
  #varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#position++]!
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) {
        this.#fail('a varint of more than five bytes')
        return 0
      }
      byte = bytes[this.#position++]!
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag, 64 bits in at most ten bytes. */
  #varlong(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#position++]!
    let low = byte & 0x7f
    let shift = 7
    for (; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[this.#position++]!
      low |= (byte & 0x7f) << shift
    }
    // Up to 28 bits fit an integer; the rest counts in multiples, the last byte with its lowest bit only. The sign is
    // left out from the start, or the largest safe integers would lose their last bit.
    let half = low >>> 1
    for (let scale = 2 ** 27; byte >= 0x80; scale *= 0x80, shift += 7) {
      if (shift > 63) {
        this.#fail('a varlong of more than ten bytes')
        return 0
      }
      byte = bytes[this.#position++]!
      half += (byte & (shift === 63 ? 1 : 0x7f)) * scale
    }
    return (low & 1) === 0 ? half : -half - 1
  }
}
