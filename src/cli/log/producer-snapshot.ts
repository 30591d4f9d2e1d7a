import { crc32c } from '../../record/crc32c.ts'
import {
  kafkaSnapshotEntry,
  kafkaSnapshotLayout,
  type KafkaSnapshotEntry
} from '../../storage/producer-snapshot.ts'

// What Kafka's producer snapshots (`<offset>.snapshot`, ProducerStateManager) say, Kafka's own
// among them. What odradek adds behind is left out here.

export interface ProducerSnapshot {
  /** Null: the bytes are a sound snapshot. */
  readonly fault: string | null
  readonly producers: readonly KafkaSnapshotEntry[]
}

/** What a producer snapshot says; nothing when it is damaged. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerSnapshot {
  const fault = faultOf(bytes)
  if (fault !== null) return { fault, producers: [] }
  const producers = Array.from({ length: countOf(bytes) }, (_, index) => {
    return kafkaSnapshotEntry(bytes, index)
  })
  return { fault: null, producers }
}

function faultOf(bytes: Buffer): string | null {
  const { version, crcAt, coveredAt, entriesAt, entrySize } = kafkaSnapshotLayout
  if (bytes.length < entriesAt) return `${bytes.length} bytes are no producer snapshot`
  const found = bytes.readInt16BE(0)
  if (found !== version) return `version ${found} of producer snapshots is unknown`
  const crc = crc32c(bytes, coveredAt, bytes.length)
  if (crc !== bytes.readUInt32BE(crcAt)) return 'its checksum does not hold'
  const count = countOf(bytes)
  if (count >= 0 && count * entrySize <= bytes.length - entriesAt) return null
  return `it counts ${count} producers in ${bytes.length - entriesAt} bytes`
}

function countOf(bytes: Buffer): number {
  return bytes.readInt32BE(kafkaSnapshotLayout.coveredAt)
}
