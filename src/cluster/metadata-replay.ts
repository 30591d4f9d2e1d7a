import { failure, success, type Result } from '../base/result.ts'
import { MetadataImage } from './metadata-image.ts'
import { decodeMetadataRecord, type LoggedMetadataRecord } from './metadata-records.ts'

/** Name of the transactions that hold a whole image: what stands before them counts no more. */
export const imageTransaction = 'image'

/** Folds the records of the metadata log, one after the other, into its image. */
export class MetadataReplay {
  #image = new MetadataImage()
  /** The image of the transaction that has begun and not ended. */
  #next: MetadataImage | null = null

  /** What the log says, without a transaction that has not ended. */
  get image(): MetadataImage {
    return this.#image
  }

  /** Whether a transaction has begun and not ended: the broker was stopped while it wrote it. */
  get isOpen(): boolean {
    return this.#next !== null
  }

  /**
   * @param value of a record of the log
   * @returns UNREADABLE or INCONSISTENT with a sentence that says why the log cannot be trusted
   */
  apply(value: Buffer | null): Result<void, 'UNREADABLE' | 'INCONSISTENT'> {
    const decoded = decodeMetadataRecord(value ?? Buffer.alloc(0))
    return decoded.ok ? this.#applyRecord(decoded.value) : decoded
  }

  #applyRecord(record: LoggedMetadataRecord): Result<void, 'INCONSISTENT'> {
    if (record.type === 'BeginTransactionRecord') return this.#begin(record.name)
    if (record.type === 'EndTransactionRecord') return this.#end()
    if (record.type !== 'AbortTransactionRecord') return (this.#next ?? this.#image).apply(record)
    this.#next = null
    return success(undefined)
  }

  #begin(name: string | null): Result<void, 'INCONSISTENT'> {
    if (name !== imageTransaction) {
      return failure('INCONSISTENT', `the transaction ${name} is unknown`)
    }
    if (this.#next !== null) return failure('INCONSISTENT', 'a transaction begins within another')
    this.#next = new MetadataImage()
    return success(undefined)
  }

  #end(): Result<void, 'INCONSISTENT'> {
    if (this.#next === null) {
      return failure('INCONSISTENT', 'a transaction ends that has not begun')
    }
    this.#image = this.#next
    this.#next = null
    return success(undefined)
  }
}
