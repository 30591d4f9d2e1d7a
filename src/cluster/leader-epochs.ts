import { partitionsPerRequestMax } from '../limits.ts'
import type { MetadataImage } from './metadata-image.ts'
import type { MetadataRecord } from './metadata-records.ts'

/**
 * Records of one batch at most; a start that is cut off between two batches raises some epochs
 * twice, which harms nobody.
 */
const batchRecordsMax = partitionsPerRequestMax

/**
 * The records that raise the leader epoch of every partition by one, in batches. After a crash the
 * tail of a log may be gone: clients that saw it learn by the new epoch that the log may have been
 * cut (KIP-320).
 */
export function* raisedLeaderEpochs(
  image: MetadataImage,
  nodeId: number
): Iterable<readonly MetadataRecord[]> {
  let records: MetadataRecord[] = []
  for (const { topicId, partitions } of image.topics()) {
    for (const partitionId of partitions.keys()) {
      records.push(leaderRecord(topicId, partitionId, nodeId))
      if (records.length < batchRecordsMax) continue
      yield records
      records = []
    }
  }
  if (records.length > 0) yield records
}

function leaderRecord(topicId: string, partitionId: number, nodeId: number): MetadataRecord {
  return {
    type: 'PartitionChangeRecord',
    partitionId,
    topicId,
    isr: null,
    leader: nodeId,
    replicas: null,
    removingReplicas: null,
    addingReplicas: null,
    leaderRecoveryState: -1
  }
}
