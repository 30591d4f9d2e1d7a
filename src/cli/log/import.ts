import { assert } from '../../base/assert.ts'
import { configResourceTypes } from '../../cluster/metadata-records.ts'
import { MetadataReplay } from '../../cluster/metadata-replay.ts'
import { clusterMetadataTopic } from '../../cluster/topic-name.ts'
import { parseBrokerConfig } from '../../config/broker-config.ts'
import { resolveTopicConfigs } from '../../config/topic-configs.ts'
import { lastOffset, maxTimestampMs } from '../../record/batch.ts'
import { readRecords } from '../../record/records.ts'
import * as batch from '../../record/batch.ts'
import type { Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import { nodeRandom } from '../../io/node-random.ts'
import { LeaderEpochs } from '../../storage/local/leader-epochs.ts'
import { LogDirectory } from '../../storage/local/log-dir.ts'
import type { LocalLog } from '../../storage/local/local-log.ts'
import type { LogName } from '../../storage/local/log-context.ts'
import type { AppendedBatch, LogConfigs } from '../../storage/partition-log.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { adoptedBatch, UncommittedBatches } from './kafka-batches.ts'
import { LogTargetError } from './log-target.ts'
import { readPartitionFolder, type PartitionFolder } from './partition-folder.ts'
import { gapBatches } from './repair-plan.ts'
import { scanSegment } from './segment-scan.ts'

/** Bytes of batches that are appended together. */
const appendSizeMin = 4 * 1024 * 1024

const whatToDo = 'start the broker, create the topic, stop the broker and import again'

export interface ImportOptions {
  readonly files: Files
  readonly clock: Clock
  /** The folder that is taken over. */
  readonly source: string
  readonly dataDir: string
  readonly topic: string
  readonly partition: number
}

/** What was taken over; offsets are those of the source. */
export interface Imported {
  readonly fromOffset: number
  readonly toOffset: number
  readonly records: number
  /** Offsets without a record: markers, what was not committed, what compaction took out. */
  readonly emptyOffsets: number
}

/**
 * Puts the records of a folder that Apache Kafka wrote into a partition that has none, at the same
 * offsets. Where there is no record, a batch without records stands for the offsets.
 *
 * @throws LogTargetError when the source is damaged or the partition is not there or not empty,
 *   LogDirectoryError when the data directory cannot be used
 */
export async function importLog(options: ImportOptions): Promise<Imported> {
  const { files, clock, dataDir, topic, partition } = options
  const source = readPartitionFolder(files, options.source)
  const uncommitted = surveyed(files, source)
  const fromOffset = source.segments[0]?.baseOffset
  if (fromOffset === undefined) throw new LogTargetError(`${source.path} has no segment`)
  if (!files.exists(`${dataDir}/${clusterMetadataTopic}-0`)) {
    throw new LogTargetError(`${dataDir} is not the data directory of a broker: ${whatToDo}`)
  }
  const directory = await LogDirectory.open({
    files,
    path: dataDir,
    durability: 'fsync',
    clock,
    random: nodeRandom,
    logger: silentLogger,
    onFailure: () => {}
  })
  try {
    const { name, leaderEpoch, configs } = partitionOf(files, dataDir, topic, partition)
    if (files.exists(`${dataDir}/${topic}-${partition}`)) {
      throw new LogTargetError(`${topic}-${partition} in ${dataDir} is not empty`)
    }
    const log = await directory.openLog(name, configs, fromOffset)
    try {
      const records = await copyLog(files, source, log, leaderEpoch, uncommitted)
      await log.close()
      const toOffset = log.logEndOffset
      return { fromOffset, toOffset, records, emptyOffsets: toOffset - fromOffset - records }
    } catch (error) {
      await directory.removeLog(name)
      throw error
    }
  } finally {
    // The other logs were not looked at, so nothing may say that the shutdown was in order.
    await directory.abandon()
  }
}

/** Goes over the source once: it must be sound, and transactions have to be known to their end. */
function surveyed(files: Files, source: PartitionFolder): ReadonlySet<number> {
  const uncommitted = new UncommittedBatches()
  for (const segment of source.segments) {
    const { damage } = scanSegment(files, source, segment, (buffer, at) =>
      uncommitted.see(buffer, at)
    )
    if (damage.length === 0) continue
    throw new LogTargetError(`${segment.logPath} is damaged: odradek log verify says where`)
  }
  return uncommitted.end()
}

function partitionOf(
  files: Files,
  dataDir: string,
  topic: string,
  partition: number
): { readonly name: LogName; readonly leaderEpoch: number; readonly configs: LogConfigs } {
  const metadata = readPartitionFolder(files, `${dataDir}/${clusterMetadataTopic}-0`)
  const startOffset = metadata.state?.logStartOffset ?? 0
  const replay = new MetadataReplay()
  for (const segment of metadata.segments) {
    scanSegment(files, metadata, segment, (buffer, at) => {
      const records = readRecords(buffer.subarray(at, at + batch.batchSize(buffer, at)), 0)
      if (!records.ok || batch.isControl(buffer, at)) return
      for (const { offset, value } of records.value) {
        if (offset >= startOffset) replay.apply(value)
      }
    })
  }
  const found = replay.image.topic(topic)
  const leaderEpoch = found?.partitions[partition]?.leaderEpoch
  if (found === undefined || leaderEpoch === undefined) {
    throw new LogTargetError(`${dataDir} has no partition ${topic}-${partition}: ${whatToDo}`)
  }
  const name = { topic, topicId: found.topicId, partition }
  const defaults = parseBrokerConfig(new Map(), 'fsync')
  assert(defaults.ok, 'the defaults are valid')
  const overrides = replay.image.configs(configResourceTypes.TOPIC, topic)
  return { name, leaderEpoch, configs: resolveTopicConfigs(overrides, defaults.value) }
}

/** Returns the number of records. */
async function copyLog(
  files: Files,
  source: PartitionFolder,
  log: LocalLog,
  leaderEpoch: number,
  uncommitted: ReadonlySet<number>
): Promise<number> {
  const epochs = new LeaderEpochs()
  epochs.assign(leaderEpoch, 0)
  let records = 0
  let pending: Buffer[] = []
  let size = 0
  let endOffset = log.logEndOffset
  for (const segment of source.segments) {
    const batches: Promise<void>[] = []
    scanSegment(files, source, segment, (buffer, at) => {
      const adopted = adoptedBatch(buffer, at, leaderEpoch, uncommitted)
      const end = lastOffset(buffer, at) + 1
      const gapEnd = adopted === null ? end : batch.baseOffset(buffer, at)
      if (gapEnd > endOffset) pending.push(gapBatches(endOffset, gapEnd, epochs))
      if (adopted !== null) pending.push(adopted)
      if (adopted !== null) records += batch.recordCount(adopted, 0)
      endOffset = end
      size += adopted?.length ?? 0
      if (size < appendSizeMin) return
      batches.push(appendAll(log, pending))
      pending = []
      size = 0
    })
    await Promise.all(batches)
  }
  await appendAll(log, pending)
  return records
}

/**
 * The bytes are written when the call returns, and nobody holds them any longer; they are durable
 * when the promise resolves.
 */
async function appendAll(log: LocalLog, buffers: readonly Buffer[]): Promise<void> {
  const batches: AppendedBatch[] = []
  for (const bytes of buffers) {
    for (const at of batch.batchPositions(bytes)) {
      batches.push({
        bytes: bytes.subarray(at, at + batch.batchSize(bytes, at)),
        baseOffset: batch.baseOffset(bytes, at),
        lastOffset: lastOffset(bytes, at),
        maxTimestampMs: maxTimestampMs(bytes, at),
        partitionLeaderEpoch: batch.partitionLeaderEpoch(bytes, at)
      })
    }
  }
  const appended = await log.append(0, log.logEndOffset, batches)
  if (!appended.ok) throw new LogTargetError(`cannot write: ${appended.detail ?? appended.error}`)
}
