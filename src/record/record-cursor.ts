import { assert } from '../base/assert.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/**
 * Walks over the records of one batch, without making objects of them: after `next` the fields tell
 * of the record at hand. The bytes may be anything that a client sent; what is not a record ends
 * the walk with a `fault`, and neither an endless loop nor a read outside the range can come of it.
 * The format is Kafka's `DefaultRecord`.
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
  /** Negative: the record has no key. */
  keySize = -1
  valuePosition = 0
  /** Negative: the value is null, a tombstone. */
  valueSize = -1
  headerCount = 0
  headersPosition = 0

  /** The records lie in `bytes` from `start` up to `end`, exclusive and within `bytes`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Where the record at hand ends, and the next one begins. */
  get position(): number {
    return this.#position
  }

  /** Whether every byte has been walked over. */
  get atEnd(): boolean {
    return this.#position === this.#end
  }

  /**
   * Steps to the next record; false when there is none, or none that makes sense.
   *
   * The numbers of one and two bytes are read on the spot: nearly all are, and a call for each
   * would double the time that a record takes (17 against 33 ns).
   */
  next(): boolean {
    const bytes = this.#bytes
    let at = this.#position
    if (at >= this.#end || this.fault !== null) return false
    let byte = bytes[at]!
    let second = bytes[at + 1]!
    let zigzag: number
    if (byte < 0x80) {
      zigzag = byte
      at += 1
    } else if (second < 0x80) {
      zigzag = (byte & 0x7f) | (second << 7)
      at += 2
    } else {
      zigzag = this.#longVarint(at)
      at = this.#position
    }
    const size = (zigzag >>> 1) ^ -(zigzag & 1)
    const recordEnd = at + size
    // An empty record is too small for its attributes; the check of the end below sees that as
    // well.
    if (size < 0 || recordEnd > this.#end)
      return this.#fail(`a record of ${size} bytes, where ${this.#end - at} are left`)
    // The attributes: one byte that has no meaning yet.
    at += 1

    byte = bytes[at]!
    second = bytes[at + 1]!
    if (byte < 0x80) {
      this.timestampDelta = (byte >>> 1) ^ -(byte & 1)
      at += 1
    } else if (second < 0x80) {
      zigzag = (byte & 0x7f) | (second << 7)
      this.timestampDelta = (zigzag >>> 1) ^ -(zigzag & 1)
      at += 2
    } else {
      this.timestampDelta = this.#longVarlong(at)
      at = this.#position
    }

    byte = bytes[at]!
    second = bytes[at + 1]!
    if (byte < 0x80) {
      zigzag = byte
      at += 1
    } else if (second < 0x80) {
      zigzag = (byte & 0x7f) | (second << 7)
      at += 2
    } else {
      zigzag = this.#longVarint(at)
      at = this.#position
    }
    this.offsetDelta = (zigzag >>> 1) ^ -(zigzag & 1)
    return this.#nextFields(at, recordEnd)
  }

  /** Key, value and headers, from `start` on. */
  #nextFields(start: number, recordEnd: number): boolean {
    const bytes = this.#bytes
    let at = start
    let byte = bytes[at]!
    let zigzag: number
    if (byte < 0x80) {
      zigzag = byte
      at += 1
    } else {
      zigzag = this.#longVarint(at)
      at = this.#position
    }
    const keySize = (zigzag >>> 1) ^ -(zigzag & 1)
    this.keySize = keySize
    this.keyPosition = at
    if (keySize > 0) at += keySize
    // Nothing is read behind the record: a key that is too large has left it.
    if (at >= recordEnd) return this.#fail('a key that fills its record or more')

    byte = bytes[at]!
    const second = bytes[at + 1]!
    if (byte < 0x80) {
      zigzag = byte
      at += 1
    } else if (second < 0x80) {
      zigzag = (byte & 0x7f) | (second << 7)
      at += 2
    } else {
      zigzag = this.#longVarint(at)
      at = this.#position
    }
    const valueSize = (zigzag >>> 1) ^ -(zigzag & 1)
    this.valueSize = valueSize
    this.valuePosition = at
    if (valueSize > 0) at += valueSize
    if (at >= recordEnd) return this.#fail('a value that fills its record or more')

    this.#position = at
    byte = bytes[at]!
    if (byte === 0) {
      this.#position = at + 1
      this.headerCount = 0
      this.headersPosition = at + 1
    } else if (!this.#skipHeaders(recordEnd)) return false
    if (this.#position !== recordEnd)
      return this.#fail('a record whose fields do not fill its bytes')
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
    const count = this.#varint()
    this.headerCount = count
    this.headersPosition = this.#position
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

  #varint(): number {
    const zigzag = this.#longVarint(this.#position)
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  /**
   * 32 bits in at most five bytes, still in zigzag form. Behind the end of the bytes it reads
   * zeros; whoever asks checks the position.
   */
  #longVarint(start: number): number {
    const bytes = this.#bytes
    let at = start
    let byte = bytes[at++]!
    let zigzag = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) {
        this.#fail('a varint of more than five bytes')
        break
      }
      byte = bytes[at++]!
      zigzag |= (byte & 0x7f) << shift
    }
    this.#position = at
    return zigzag
  }

  /** 64 bits in at most ten bytes. */
  #longVarlong(start: number): number {
    const bytes = this.#bytes
    this.#position = start
    let byte = bytes[this.#position++]!
    let low = byte & 0x7f
    let shift = 7
    for (; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[this.#position++]!
      low |= (byte & 0x7f) << shift
    }
    // Up to 28 bits fit an integer; the rest counts in multiples, the last byte with its lowest bit
    // only. The sign is left out from the start, or the largest safe integers would lose their last
    // bit.
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
