import { assert } from '../base/assert.ts'
import { success, type Result } from '../base/result.ts'
import type { Partition } from '../partition/partition.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { MetadataImage } from './metadata-image.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord
} from './metadata-records.ts'

/**
 * The metadata log cannot be read or contradicts itself: the broker does not start on half a truth.
 */
export class MetadataLogError extends Error {
  override readonly name = 'MetadataLogError'
}

/** The log that says which topics, configs and producer ids there are, and the image of it. */
export class MetadataLog {
  readonly image: MetadataImage
  readonly #partition: Partition

  private constructor(partition: Partition, image: MetadataImage) {
    this.#partition = partition
    this.image = image
  }

  /**
   * Replays the log.
   *
   * @throws MetadataLogError naming the offset that cannot be understood
   */
  static async open(partition: Partition): Promise<MetadataLog> {
    const image = new MetadataImage()
    const replayed = await partition.replay(records => {
      for (const { offset, value } of records) {
        const decoded = decodeMetadataRecord(value ?? Buffer.alloc(0))
        const applied = decoded.ok ? image.apply(decoded.value) : decoded
        if (applied.ok) continue
        throw new MetadataLogError(
          `the metadata log is damaged at offset ${offset}: ${applied.detail}`
        )
      }
    })
    if (!replayed.ok) {
      throw new MetadataLogError(
        `the metadata log cannot be read: ${replayed.detail ?? replayed.error}`
      )
    }
    return new MetadataLog(partition, image)
  }

  /**
   * Appends the records as one batch, so that all of them or none survive, and applies them once
   * they are durable.
   *
   * @returns KAFKA_STORAGE_ERROR when they could not be written; nothing has changed then
   */
  async append(records: readonly MetadataRecord[]): Promise<Result<void, ErrorName>> {
    if (records.length === 0) return success(undefined)
    const appended = await this.#partition.appendRecords(
      records.map(record => ({ key: null, value: encodeMetadataRecord(record) }))
    )
    if (!appended.ok) return appended
    for (const record of records) {
      const applied = this.image.apply(record)
      assert(applied.ok, `a record of our own fits the image: ${applied.ok ? '' : applied.detail}`)
    }
    return success(undefined)
  }
}
