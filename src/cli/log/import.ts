import { assert } from '../../base/assert.ts'
import { configResourceTypes } from '../../cluster/metadata-records.ts'
import { clusterMetadataTopic } from '../../cluster/topic-name.ts'
import { parseBrokerConfig } from '../../config/broker-config.ts'
import { resolveTopicConfigs } from '../../config/topic-configs.ts'
import { lastOffset, maxTimestampMs } from '../../record/batch.ts'
import * as batch from '../../record/batch.ts'
import type { Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import { nodeRandom } from '../../io/node-random.ts'
import { LeaderEpochs } from '../../storage/local/leader-epochs.ts'
import { LogDirectory } from '../../storage/local/log-dir.ts'
import type { LocalLog } from '../../storage/local/local-log.ts'
import type { LogName } from '../../storage/local/log-context.ts'
import {
  asideFolderName,
  isDeletedFolderName,
  partitionFolderName
} from '../../storage/local/file-names.ts'
import type { AppendedBatch, LogConfigs } from '../../storage/partition-log.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { adoptedBatch, UncommittedBatches } from './kafka-batches.ts'
import { LogTargetError } from './log-target.ts'
import { replayedMetadata } from './metadata-topics.ts'
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
  /** Hears what is done besides, a line at a time. */
  readonly say: (line: string) => void
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
 * offsets. Where there is no record, a batch without records stands for the offsets. The partition
 * gets its folder in one step, when all of it is on the disk: an import that is ended on its way
 * leaves a folder of another name, which the next start removes.
 *
 * @throws LogTargetError when the source is damaged or the partition is not there or not empty,
 *   LogDirectoryError when the data directory cannot be used
 */
export async function importLog(options: ImportOptions): Promise<Imported> {
  const { files, dataDir, topic, partition } = options
  const source = readPartitionFolder(files, options.source)
  const uncommitted = surveyed(files, source)
  const fromOffset = source.segments[0]?.baseOffset
  if (fromOffset === undefined) throw new LogTargetError(`${source.path} has no segment`)
  if (!files.exists(`${dataDir}/${clusterMetadataTopic}-0`)) {
    throw new LogTargetError(`${dataDir} is not the data directory of a broker: ${whatToDo}`)
  }
  const directory = await openDirectory(options, dataDir)
  try {
    removeLeftovers(options)
    const found = partitionOf(files, dataDir, topic, partition)
    const folder = partitionFolderName(found.name)
    if (files.exists(`${dataDir}/${folder}`)) {
      throw new LogTargetError(`${topic}-${partition} in ${dataDir} is not empty`)
    }
    const aside = `${dataDir}/${asideFolderName(found.name, nodeRandom.bytes(16), 'import')}`
    try {
      const { clusterId, nodeId } = directory
      assert(clusterId !== null && nodeId !== null, 'the directory of a broker has a cluster')
      const place = await openDirectory(options, aside)
      try {
        await place.initialize(clusterId, nodeId)
        const log = await place.openLog(found.name, found.configs, fromOffset)
        const records = await copyLog(files, source, log, found.leaderEpoch, uncommitted)
        await log.close()
        if (!files.exists(`${aside}/${folder}`)) {
          throw new LogTargetError(`${source.path} has no batch: there is nothing to take over`)
        }
        files.rename(`${aside}/${folder}`, `${dataDir}/${folder}`)
        await files.syncDirectory(dataDir)
        const toOffset = log.logEndOffset
        return { fromOffset, toOffset, records, emptyOffsets: toOffset - fromOffset - records }
      } finally {
        await place.abandon()
      }
    } finally {
      if (files.exists(aside)) files.removeDirectory(aside)
    }
  } finally {
    // The other logs were not looked at, so nothing may say that the shutdown was in order.
    await directory.abandon()
  }
}

/** What an import that was ended on its way has left. */
function removeLeftovers({ files, dataDir, say }: ImportOptions): void {
  for (const { name } of files.list(dataDir)) {
    if (!isDeletedFolderName(name) || !name.endsWith('-import')) continue
    say(`${dataDir}/${name} is what an import has left that was ended: it is removed`)
    files.removeDirectory(`${dataDir}/${name}`)
  }
}

function openDirectory({ files, clock }: ImportOptions, path: string): Promise<LogDirectory> {
  return LogDirectory.open({
    files,
    path,
    durability: 'fsync',
    clock,
    random: nodeRandom,
    logger: silentLogger,
    onFailure: () => {}
  })
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
  const replay = replayedMetadata(files, dataDir)
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
