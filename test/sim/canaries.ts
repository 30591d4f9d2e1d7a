import { success } from '../../src/base/result.ts'
import { decodeMetadataRecord } from '../../src/cluster/metadata-records.ts'
import { consumerOffsetsTopic, isInternalTopic } from '../../src/cluster/topic-name.ts'
import type { Files, OpenFile } from '../../src/io/files.ts'
import type { AppendInfo, OwnRecord, Partition } from '../../src/partition/partition.ts'
import { batchSize, stampOffsets } from '../../src/record/batch.ts'
import type { AppendedBatch, PartitionLog } from '../../src/storage/partition-log.ts'
import { overriding, type Plant } from './plant.ts'

/**
 * A bug that the simulation has to find, by the checks that are made of the real thing. What is
 * wrong is said by the name.
 */
export interface Canary extends Plant {
  readonly name: string
}

function withFiles(
  name: string,
  change: (file: OpenFile, files: Files) => Partial<OpenFile>
): Canary {
  return {
    name,
    wrapFiles: files =>
      overriding(files, {
        open(path, mode) {
          const file = files.open(path, mode)
          return overriding(file, change(file, files))
        }
      })
  }
}

const noSync = async (): Promise<void> => {}

/** In front of the disk. */
const onDisk: readonly Canary[] = [
  withFiles('an acknowledgement does not wait for a sync', () => ({ datasync: noSync })),
  {
    name: 'names in folders are not synced',
    wrapFiles: files => overriding(files, { syncDirectory: noSync })
  },
  withFiles('a file is renamed before it is synced', ({ path }) =>
    path.endsWith('.tmp') ? { datasync: noSync } : {}
  ),
  withFiles('the wrong file is synced', ({ path }, files) => {
    if (!path.endsWith('.log')) return {}
    return { datasync: () => files.open(`${path.slice(0, -4)}.odradek`, 'read').datasync() }
  }),
  {
    name: 'half of a write is missing and nobody says so',
    wrapFiles(files) {
      let count = 0
      const writer = withFiles('', file => {
        if (!file.path.endsWith('.log')) return {}
        return {
          writeSync(pieces, position) {
            const bytes = Buffer.concat(pieces)
            const isHalf = ++count % 20 === 0
            file.writeSync([isHalf ? bytes.subarray(0, bytes.length >>> 1) : bytes], position)
          }
        }
      })
      return writer.wrapFiles!(files)
    }
  },
  withFiles('a segment that is full is not synced any more', ({ path }, files) => {
    if (!path.endsWith('.log')) return {}
    return {
      async datasync() {
        const folder = path.slice(0, path.lastIndexOf('/'))
        const logs = files.list(folder).filter(({ name }) => name.endsWith('.log'))
        const isLast = path.endsWith(logs.at(-1)?.name ?? '')
        if (isLast) await files.open(path, 'read').datasync()
      }
    }
  }),
  withFiles('recovery cuts one batch too many', file => {
    return file.path.endsWith('.log') ? { truncate: size => cutOneMore(file, size) } : {}
  }),
  withFiles('notes in sidecars are not synced, the log start offset among them', ({ path }) =>
    path.endsWith('.odradek') ? { datasync: noSync } : {}
  ),
  {
    name: 'the removal of the clean mark is not synced',
    wrapFiles(files) {
      let isRemoved = false
      return overriding(files, {
        remove(path) {
          files.remove(path)
          isRemoved ||= path.endsWith('.kafka_cleanshutdown')
        },
        async syncDirectory(path) {
          if (!isRemoved) return files.syncDirectory(path)
          isRemoved = false
        }
      })
    }
  }
]

/** Cuts where the last batch before `size` begins. */
function cutOneMore(file: OpenFile, size: number): void {
  const bytes = Buffer.alloc(size)
  file.readSync(bytes, 0)
  let last = 0
  for (let at = 0; at < size; at += batchSize(bytes, at)) last = at
  file.truncate(last)
}

/** Inside the broker. */
const inBroker: readonly Canary[] = [
  {
    name: 'what producers have sent is forgotten by a restart',
    wrapLog(log) {
      let isOpen = false
      return overriding(log, {
        onDurable(listener) {
          isOpen = true
          log.onDurable(listener)
        },
        async read(request) {
          const read = await log.read(request)
          if (isOpen || !read.ok) return read
          const bytes = Buffer.from(read.value.bytes)
          for (let at = 0; at < bytes.length; at += batchSize(bytes, at)) {
            bytes.writeBigInt64BE(-1n, at + 43)
          }
          return success({ ...read.value, bytes, release: () => read.value.release() })
        }
      })
    }
  },
  {
    name: 'a batch is appended twice',
    wrapLog(log, topic) {
      if (isInternalTopic(topic)) return log
      let count = 0
      return overriding(log, {
        append(ownerEpoch, expectedOffset, batches) {
          const appended = log.append(ownerEpoch, expectedOffset, batches)
          const isLast = log.logEndOffset === batches.at(-1)!.lastOffset + 1
          if (!isLast || ++count % 10 !== 0) return appended
          void log.append(ownerEpoch, log.logEndOffset, batches.map(again(log.logEndOffset)))
          return appended
        }
      })
    }
  },
  { name: 'consumers see what is not synced', wrapLog: shownEarly },
  {
    name: 'leader epochs stay the same after a crash',
    wrapStorage: storage => overriding(storage, { cleanStart: true })
  },
  {
    name: 'a committed offset is acknowledged before it is synced',
    wrapLog(log, topic) {
      if (topic !== consumerOffsetsTopic) return log
      return overriding(log, {
        get durableEndOffset() {
          return log.logEndOffset
        },
        async append(ownerEpoch, expectedOffset, batches) {
          const end = log.logEndOffset
          const appended = log.append(ownerEpoch, expectedOffset, batches)
          return log.logEndOffset > end ? success(undefined) : appended
        }
      })
    }
  },
  withoutRecord('a deleted topic is not noted', 'RemoveTopicRecord'),
  withoutRecord('producer ids that were given out are not noted', 'ProducerIdsRecord')
]

/** The same batch, one more time, at other offsets. */
function again(baseOffset: number): (batch: AppendedBatch) => AppendedBatch {
  return batch => {
    const bytes = Buffer.from(batch.bytes)
    stampOffsets(bytes, 0, baseOffset, batch.partitionLeaderEpoch)
    const lastOffset = baseOffset + batch.lastOffset - batch.baseOffset
    return { ...batch, bytes, baseOffset, lastOffset }
  }
}

/** Says that everything is durable one microtask after it was written; the answer still waits. */
function shownEarly(log: PartitionLog, topic: string): PartitionLog {
  if (isInternalTopic(topic)) return log
  const listeners: (() => void)[] = []
  let shown = 0
  return overriding(log, {
    get durableEndOffset() {
      return Math.max(log.durableEndOffset, shown)
    },
    onDurable(listener) {
      listeners.push(listener)
      log.onDurable(listener)
    },
    append(ownerEpoch, expectedOffset, batches) {
      const appended = log.append(ownerEpoch, expectedOffset, batches)
      queueMicrotask(() => {
        shown = log.logEndOffset
        for (const listener of listeners) listener()
      })
      return appended
    }
  })
}

/** Records of one kind never get into the metadata log. */
function withoutRecord(name: string, type: string): Canary {
  const isForgotten = ({ value }: OwnRecord): boolean => {
    const decoded = decodeMetadataRecord(value ?? Buffer.alloc(0))
    return decoded.ok && decoded.value.type === type
  }
  return {
    name,
    wrapStorage: storage =>
      overriding(storage, {
        metadata: overriding(storage.metadata, {
          async appendRecords(records) {
            const kept = records.filter(record => !isForgotten(record))
            if (kept.length > 0) return storage.metadata.appendRecords(kept)
            return success(nowhere(storage.metadata))
          }
        })
      })
  }
}

function nowhere({ logEndOffset, logStartOffset }: Partition): AppendInfo {
  return {
    baseOffset: logEndOffset,
    lastOffset: logEndOffset,
    logAppendTimeMs: -1,
    logStartOffset
  }
}

/** Every planted bug. */
export const canaries: readonly Canary[] = [...onDisk, ...inBroker]
