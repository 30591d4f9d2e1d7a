import { assert } from '../../base/assert.ts'

// Names within a log directory: Kafka's own (`LogFileUtils`, `UnifiedLog`), and one of ours, the
// sidecar.

export const logSuffix = '.log'
export const offsetIndexSuffix = '.index'
export const timeIndexSuffix = '.timeindex'
/**
 * Our checksummed companion of a segment; Kafka passes over files whose suffix it does not know.
 */
export const sidecarSuffix = '.odradek'
/** Names the batches of a segment that compaction has written; ours as well. */
export const batchTableSuffix = '.batches'
/** All files of a segment. */
export const segmentSuffixes: readonly string[] = [
  logSuffix,
  offsetIndexSuffix,
  timeIndexSuffix,
  batchTableSuffix,
  sidecarSuffix
]
/** What a partition knew of its producers at an offset; Kafka's name and format. */
export const snapshotSuffix = '.snapshot'
/** Put behind the name of a file that is about to be removed. */
export const deletedSuffix = '.deleted'
/** Put behind the names of a segment that compaction writes (`segment-swap.ts`). */
export const cleanedSuffix = '.cleaned'
/** Put behind the name of the sidecar of such a segment when it is to take the place of others. */
export const swapSuffix = '.swap'
/** Put behind the name of a file that is still being written; one found at start is removed. */
export const temporarySuffix = '.tmp'

export const partitionMetadataName = 'partition.metadata'
export const leaderEpochCheckpointName = 'leader-epoch-checkpoint'
export const cleanShutdownName = '.kafka_cleanshutdown'
export const metaPropertiesName = 'meta.properties'
export const recoveryPointCheckpointName = 'recovery-point-offset-checkpoint'
export const logStartCheckpointName = 'log-start-offset-checkpoint'
/** When the scrub has looked at which segment; ours. */
export const scrubCheckpointName = 'odradek-scrub-checkpoint'
/** Where recovery puts the bytes that it cuts off. */
export const lostAndFoundName = 'lost-and-found'

/** Longest file name that common file systems take, bytes. */
const fileNameSizeMax = 255

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The folder of a partition, `<topic>-<partition>`. */
export function partitionFolderName(name: TopicPartition): string {
  return `${name.topic}-${name.partition}`
}

/** The partition that a folder belongs to; null when the name is no partition's. */
export function parsePartitionFolderName(folder: string): TopicPartition | null {
  const match = /^(.+)-(\d{1,10})$/.exec(folder)
  return match === null ? null : { topic: match[1]!, partition: Number(match[2]!) }
}

/**
 * The name of a partition folder that is set aside: `<topic>-<partition>.<uuid>-delete` for one
 * that goes, `-stray` for one that nobody knows (Kafka: `UnifiedLog.logDeleteDirName`), and
 * `-import` for the place where one is made that is taken over from elsewhere. Long topic names are
 * cut to fit.
 */
export function asideFolderName(
  name: TopicPartition,
  uuid: Buffer,
  suffix: 'delete' | 'stray' | 'import'
): string {
  const ending = `-${name.partition}.${uuid.toString('hex')}-${suffix}`
  return name.topic.slice(0, fileNameSizeMax - ending.length) + ending
}

/** The partition whose folder was set aside because nobody knew it; null for other names. */
export function parseStrayFolderName(folder: string): TopicPartition | null {
  const match = /^(.+-\d{1,10})\.[0-9a-f]{32}-stray$/.exec(folder)
  return match === null ? null : parsePartitionFolderName(match[1]!)
}

/** Whether a folder is of no use any more: deleted, or of an import that was ended on its way. */
export function isDeletedFolderName(folder: string): boolean {
  return /\.[0-9a-f]{32}-(delete|import)$/.test(folder)
}

/**
 * The path of a file of the segment that begins at `baseOffset`; twenty digits, so that names sort
 * as offsets do.
 */
export function segmentPath(folder: string, baseOffset: number, suffix: string): string {
  assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, 'a segment begins at an offset')
  return `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`
}

/**
 * The base offset in the name of a segment's file that ends with `suffix`; null for other names.
 */
export function parseSegmentName(name: string, suffix: string): number | null {
  if (!name.endsWith(suffix) || name.length !== 20 + suffix.length) return null
  const digits = name.slice(0, 20)
  if (!/^\d{20}$/.test(digits)) return null
  const baseOffset = Number(digits)
  return Number.isSafeInteger(baseOffset) ? baseOffset : null
}
