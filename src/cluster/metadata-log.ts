import { assert } from '../base/assert.ts'
import { success, type Result } from '../base/result.ts'
import type { Settled } from '../base/settled.ts'
import { metadataRewriteRecordsMin, partitionsPerRequestMax } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { MetadataImage } from './metadata-image.ts'
import {
  encodeMetadataRecord,
  type LoggedMetadataRecord,
  type MetadataRecord
} from './metadata-records.ts'
import { imageTransaction, MetadataReplay } from './metadata-replay.ts'

/** The log cannot be read or contradicts itself: the broker does not start on half a truth. */
export class MetadataLogError extends Error {
  override readonly name = 'MetadataLogError'
}

/** How many times the records of its image a log may hold before it is written anew. */
const rewriteFactor = 4

/** The log that says which topics, configs and producer ids there are, and the image of it. */
export class MetadataLog {
  readonly image: MetadataImage
  readonly #partition: Partition

  private constructor(partition: Partition, image: MetadataImage) {
    this.#partition = partition
    this.image = image
  }

  /**
   * Replays the log, and writes it anew when most of what it says is no longer true: a start takes
   * as long as there are topics, not as long as there ever were.
   *
   * @throws MetadataLogError naming the offset that cannot be understood
   */
  static async open(partition: Partition): Promise<MetadataLog> {
    const replay = new MetadataReplay()
    const replayed = await partition.replay(records => {
      for (const { offset, value } of records) {
        const applied = replay.apply(value)
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
    const log = new MetadataLog(partition, replay.image)
    if (replay.isOpen) await log.#mustWrite([{ type: 'AbortTransactionRecord', reason: null }])
    await log.#rewriteIfWorthIt()
    return log
  }

  /**
   * Appends the records as one batch, so that all of them or none survive, and applies them once
   * they are durable.
   *
   * @returns KAFKA_STORAGE_ERROR when they could not be written; nothing has changed then
   */
  async append(records: readonly MetadataRecord[]): Promise<Result<void, ErrorName>> {
    if (records.length === 0) return success(undefined)
    const appended = await this.#write(records)
    if (!appended.ok) return appended
    for (const record of records) {
      const applied = this.image.apply(record)
      assert(applied.ok, `a record of our own fits the image: ${applied.ok ? '' : applied.detail}`)
    }
    return success(undefined)
  }

  /** The image goes to the end of the log as one transaction; what stands before is let go then. */
  async #rewriteIfWorthIt(): Promise<void> {
    const { logStartOffset, logEndOffset } = this.#partition
    const present = logEndOffset - logStartOffset
    if (present < metadataRewriteRecordsMin) return
    const records = [...this.image.records()]
    if (present < records.length * rewriteFactor) return
    if (!(await this.#writeImage(records))) return
    const deleted = await this.#partition.deleteRecords(logEndOffset)
    if (!deleted.ok) throw new MetadataLogError(`the metadata log cannot be cut: ${deleted.error}`)
  }

  /** False when there was no room for it: the log says the same without it. */
  async #writeImage(records: readonly MetadataRecord[]): Promise<boolean> {
    const batches: LoggedMetadataRecord[][] = []
    for (let from = 0; from < records.length; from += partitionsPerRequestMax) {
      batches.push(records.slice(from, from + partitionsPerRequestMax))
    }
    const begin: LoggedMetadataRecord = { type: 'BeginTransactionRecord', name: imageTransaction }
    if (!(await this.#write([begin])).ok) return false
    for (const batch of [...batches, [{ type: 'EndTransactionRecord' as const }]]) {
      if ((await this.#write(batch)).ok) continue
      // Nothing may follow a transaction that has no end: it would count as part of it.
      await this.#mustWrite([{ type: 'AbortTransactionRecord', reason: null }])
      return false
    }
    return true
  }

  async #mustWrite(records: readonly LoggedMetadataRecord[]): Promise<void> {
    const written = await this.#write(records)
    if (written.ok) return
    throw new MetadataLogError(
      `the metadata log cannot be written: ${written.detail ?? written.error}`
    )
  }

  #write(records: readonly LoggedMetadataRecord[]): Settled<Result<unknown, ErrorName>> {
    return this.#partition.appendRecords(
      records.map(record => ({ key: null, value: encodeMetadataRecord(record) }))
    )
  }
}
