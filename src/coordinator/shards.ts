import { failure, success } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Clock } from '../io/clock.ts'
import { coordinatorBatchSizeMax } from '../limits.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { EncodedRecord } from './append-queue.ts'
import type { Decode } from './loader.ts'
import type { Machine } from './machine.ts'
import { partitionFor } from './routing.ts'
import { Shard } from './shard.ts'
import type { ShardError, ShardLog } from './shard.ts'

/** Bytes that a batch needs beside one record's key and value, at most. */
const batchOverhead = 128

/** One partition of the internal topic. */
export interface InternalPartition extends ShardLog {
  readonly configs: { readonly maxMessageBytes: number }
}

export interface ShardsOptions<Event, Record, Reply> {
  /** The internal topic. */
  readonly topic: string
  /** Its partitions, by index; undefined beyond the last, and while there is no such topic. */
  partition(index: number): InternalPartition | undefined
  /** Makes the topic if it is missing, durably; resolves with the number of its partitions. */
  ensureTopic(): Promise<Result<number, string>>
  readonly clock: Clock
  readonly logger: Logger
  /** How long a reply waits for its records, ms. */
  readonly writeTimeoutMs: number
  /** @param recordSizeMax bytes of key and value of one record, at most */
  newMachine(recordSizeMax: number): Machine<Event, Record, Reply>
  encode(record: Record): EncodedRecord
  readonly decode: Decode<Record>
  firstEvents(): readonly Event[]
  onBroken(error: unknown): void
}

/** The shards of one internal topic, and which of them keeps what. */
export class Shards<Event, Record, Reply> {
  readonly #options: ShardsOptions<Event, Record, Reply>
  #shards: readonly Shard<Event, Record, Reply>[] = []
  #opening: Promise<Result<void, ShardError>> | null = null
  #isClosed = false

  constructor(options: ShardsOptions<Event, Record, Reply>) {
    this.#options = options
  }

  /** Reads the logs of the topic, if there is one yet. */
  async load(): Promise<void> {
    const shards: Shard<Event, Record, Reply>[] = []
    for (let index = 0; ; index++) {
      const partition = this.#options.partition(index)
      if (partition === undefined) break
      shards.push(this.#newShard(index, partition))
    }
    await Promise.all(shards.map(shard => shard.load()))
    this.#shards = shards
  }

  /** All shards; none while the topic has never been needed. */
  all(): readonly Shard<Event, Record, Reply>[] {
    return this.#shards
  }

  /**
   * Makes sure that the topic is there, and its shards with it.
   *
   * @returns COORDINATOR_NOT_AVAILABLE when the topic cannot be made, or after `close`
   */
  async ready(): Promise<Result<void, ShardError>> {
    if (this.#isClosed) return failure('COORDINATOR_NOT_AVAILABLE')
    if (this.#shards.length > 0) return success(undefined)
    this.#opening ??= this.#open().finally(() => (this.#opening = null))
    return this.#opening
  }

  /** The shard of a group or transactional id. */
  async for(key: string): Promise<Result<Shard<Event, Record, Reply>, ShardError>> {
    const ready = await this.ready()
    if (!ready.ok) return ready
    const shard = this.#shards[partitionFor(key, this.#shards.length)]
    return shard === undefined ? failure('NOT_COORDINATOR') : success(shard)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    // Whoever asked for the topic hears why it could not be made; here it only has to be over.
    await this.#opening?.catch(() => {})
    await Promise.all(this.#shards.map(shard => shard.close()))
  }

  async #open(): Promise<Result<void, ShardError>> {
    const { topic, logger } = this.#options
    const ensured = await this.#options.ensureTopic()
    if (ensured.ok) await this.load()
    if (this.#shards.length > 0) return success(undefined)
    const { error, detail } = ensured.ok ? { error: 'no partitions', detail: null } : ensured
    logger.error('internal topic cannot be made', { topic, error, detail })
    return failure('COORDINATOR_NOT_AVAILABLE', detail)
  }

  #newShard(index: number, log: InternalPartition): Shard<Event, Record, Reply> {
    const options = this.#options
    const sizeMax = Math.min(log.configs.maxMessageBytes, coordinatorBatchSizeMax) - batchOverhead
    return new Shard({
      ...options,
      name: `${options.topic}-${index}`,
      log,
      batchSizeMax: sizeMax,
      newMachine: () => options.newMachine(sizeMax)
    })
  }
}
