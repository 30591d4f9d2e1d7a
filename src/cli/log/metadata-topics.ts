import { MetadataReplay } from '../../cluster/metadata-replay.ts'
import { clusterMetadataTopic } from '../../cluster/topic-name.ts'
import type { Files } from '../../io/files.ts'
import * as batch from '../../record/batch.ts'
import { readRecords } from '../../record/records.ts'
import { readPartitionFolder } from './partition-folder.ts'
import { scanSegment } from './segment-scan.ts'

/**
 * What the metadata log of a data directory says, as far as it is sound.
 *
 * @throws FileError when it cannot be read
 */
export function replayedMetadata(files: Files, dataDir: string): MetadataReplay {
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
  return replay
}

/** The id of a topic; null when there is no such topic. */
export function topicIdIn(files: Files, dataDir: string, topic: string): string | null {
  return replayedMetadata(files, dataDir).image.topic(topic)?.topicId ?? null
}
