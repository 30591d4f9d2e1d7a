import { crc32c } from '../../record/crc32c.ts'
import { readInt64 } from '../../storage/local/int64.ts'

// Kafka's producer snapshots (`<offset>.snapshot`, ProducerStateManager): int16 version, uint32
// CRC-32C of all that follows, int32 count, and for each producer 46 bytes. What odradek adds
// behind them (`storage/producer-snapshot.ts`) is left out here.

const snapshotVersion = 1
const headSize = 10
const entrySize = 46

export interface SnapshotProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
  readonly coordinatorEpoch: number
  /** -1: no transaction is open. */
  readonly currentTxnFirstOffset: number
}

export interface ProducerSnapshot {
  /** Null: the bytes are a sound snapshot. */
  readonly fault: string | null
  readonly producers: readonly SnapshotProducer[]
}

/** What a producer snapshot says; nothing when it is damaged. */
export function decodeProducerSnapshot(bytes: Buffer): ProducerSnapshot {
  const fault = faultOf(bytes)
  if (fault !== null) return { fault, producers: [] }
  const producers: SnapshotProducer[] = []
  const end = headSize + bytes.readInt32BE(6) * entrySize
  for (let at = headSize; at < end; at += entrySize) {
    producers.push({
      producerId: readInt64(bytes, at),
      producerEpoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestampMs: readInt64(bytes, at + 26),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTxnFirstOffset: readInt64(bytes, at + 38)
    })
  }
  return { fault: null, producers }
}

function faultOf(bytes: Buffer): string | null {
  if (bytes.length < headSize) return `${bytes.length} bytes are no producer snapshot`
  const version = bytes.readInt16BE(0)
  if (version !== snapshotVersion) return `version ${version} of producer snapshots is unknown`
  if (crc32c(bytes, 6, bytes.length) !== bytes.readUInt32BE(2)) return 'its checksum does not hold'
  const count = bytes.readInt32BE(6)
  if (count >= 0 && count * entrySize <= bytes.length - headSize) return null
  return `it counts ${count} producers in ${bytes.length - headSize} bytes`
}
