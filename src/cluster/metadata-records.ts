import { failure, success, type Result } from '../base/result.ts'
import {
  readAbortTransactionRecord,
  writeAbortTransactionRecord,
  type AbortTransactionRecord
} from '../wire/generated/records/cluster-metadata-abort-transaction.ts'
import {
  readBeginTransactionRecord,
  writeBeginTransactionRecord,
  type BeginTransactionRecord
} from '../wire/generated/records/cluster-metadata-begin-transaction.ts'
import {
  readConfigRecord,
  writeConfigRecord,
  type ConfigRecord
} from '../wire/generated/records/cluster-metadata-config.ts'
import {
  readEndTransactionRecord,
  writeEndTransactionRecord
} from '../wire/generated/records/cluster-metadata-end-transaction.ts'
import {
  readPartitionChangeRecord,
  writePartitionChangeRecord,
  type PartitionChangeRecord
} from '../wire/generated/records/cluster-metadata-partition-change.ts'
import {
  readPartitionRecord,
  writePartitionRecord,
  type PartitionRecord
} from '../wire/generated/records/cluster-metadata-partition.ts'
import {
  readProducerIdsRecord,
  writeProducerIdsRecord,
  type ProducerIdsRecord
} from '../wire/generated/records/cluster-metadata-producer-ids.ts'
import {
  readRemoveTopicRecord,
  writeRemoveTopicRecord,
  type RemoveTopicRecord
} from '../wire/generated/records/cluster-metadata-remove-topic.ts'
import {
  readTopicRecord,
  writeTopicRecord,
  type TopicRecord
} from '../wire/generated/records/cluster-metadata-topic.ts'
import { clusterMetadataRecordTypes as types } from '../wire/generated/records/record-types.ts'
import { MalformedRequest } from '../wire/malformed-request.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** One fact of the metadata log. Layouts and numbers are those of Kafka's metadata records. */
export type MetadataRecord =
  | ({ readonly type: 'TopicRecord' } & TopicRecord)
  | ({ readonly type: 'PartitionRecord' } & PartitionRecord)
  | ({ readonly type: 'PartitionChangeRecord' } & PartitionChangeRecord)
  | ({ readonly type: 'ConfigRecord' } & ConfigRecord)
  | ({ readonly type: 'RemoveTopicRecord' } & RemoveTopicRecord)
  | ({ readonly type: 'ProducerIdsRecord' } & ProducerIdsRecord)

/** What holds records of the log together (KIP-868). */
export type MetadataTransactionRecord =
  | ({ readonly type: 'BeginTransactionRecord' } & BeginTransactionRecord)
  | { readonly type: 'EndTransactionRecord' }
  | ({ readonly type: 'AbortTransactionRecord' } & AbortTransactionRecord)

/** Everything that stands in the metadata log. */
export type LoggedMetadataRecord = MetadataRecord | MetadataTransactionRecord

/** In front of every record: Kafka's MetadataRecordSerde knows one version of this frame. */
const frameVersion = 1
/** Version 1 of PartitionRecord has directories (KIP-858); all others are at their first. */
const partitionRecordVersion = 1
const recordVersion = 0
/** What a writer allocates for one record, bytes; a longer one makes it grow. */
const recordSizeUsual = 128

/**
 * A record as the value of a log record: frame version, number and version of the record, its
 * fields.
 */
export function encodeMetadataRecord(record: LoggedMetadataRecord): Buffer {
  const writer = new Writer(recordSizeUsual)
  const version = record.type === 'PartitionRecord' ? partitionRecordVersion : recordVersion
  writer.uvarint(frameVersion)
  writer.uvarint(types[record.type])
  writer.uvarint(version)
  writeFields(writer, record, version)
  const chunks = writer.takeChunks()
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function writeFields(writer: Writer, record: LoggedMetadataRecord, version: number): void {
  switch (record.type) {
    case 'TopicRecord':
      return writeTopicRecord(writer, record, version)
    case 'PartitionRecord':
      return writePartitionRecord(writer, record, version)
    case 'PartitionChangeRecord':
      return writePartitionChangeRecord(writer, record, version)
    case 'ConfigRecord':
      return writeConfigRecord(writer, record, version)
    case 'RemoveTopicRecord':
      return writeRemoveTopicRecord(writer, record, version)
    case 'ProducerIdsRecord':
      return writeProducerIdsRecord(writer, record, version)
    case 'BeginTransactionRecord':
      return writeBeginTransactionRecord(writer, record, version)
    case 'EndTransactionRecord':
      return writeEndTransactionRecord(writer, record, version)
    case 'AbortTransactionRecord':
      return writeAbortTransactionRecord(writer, record, version)
  }
}

/**
 * Reads the value of a log record.
 *
 * @returns UNREADABLE when it is not a metadata record, or one that only a newer version knows
 */
export function decodeMetadataRecord(value: Buffer): Result<LoggedMetadataRecord, 'UNREADABLE'> {
  const reader = new Reader(value)
  try {
    const frame = reader.uvarint()
    if (frame !== frameVersion) return failure('UNREADABLE', `frame version ${frame} is unknown`)
    const type = reader.uvarint()
    const version = reader.uvarint()
    const versionMax = type === types.PartitionRecord ? partitionRecordVersion : recordVersion
    if (version > versionMax) {
      return failure('UNREADABLE', `version ${version} of metadata record ${type} is unknown`)
    }
    const record = readFields(reader, type, version)
    if (record === null) return failure('UNREADABLE', `metadata record ${type} is unknown`)
    reader.expectEnd()
    return success(record)
  } catch (error) {
    if (error instanceof MalformedRequest) return failure('UNREADABLE', error.message)
    throw error
  }
}

function readFields(reader: Reader, type: number, version: number): LoggedMetadataRecord | null {
  switch (type) {
    case types.TopicRecord:
      return { type: 'TopicRecord', ...readTopicRecord(reader, version) }
    case types.PartitionRecord:
      return { type: 'PartitionRecord', ...readPartitionRecord(reader, version) }
    case types.PartitionChangeRecord:
      return { type: 'PartitionChangeRecord', ...readPartitionChangeRecord(reader, version) }
    case types.ConfigRecord:
      return { type: 'ConfigRecord', ...readConfigRecord(reader, version) }
    case types.RemoveTopicRecord:
      return { type: 'RemoveTopicRecord', ...readRemoveTopicRecord(reader, version) }
    case types.ProducerIdsRecord:
      return { type: 'ProducerIdsRecord', ...readProducerIdsRecord(reader, version) }
    case types.BeginTransactionRecord:
      return { type: 'BeginTransactionRecord', ...readBeginTransactionRecord(reader, version) }
    case types.EndTransactionRecord:
      return { type: 'EndTransactionRecord', ...readEndTransactionRecord(reader, version) }
    case types.AbortTransactionRecord:
      return { type: 'AbortTransactionRecord', ...readAbortTransactionRecord(reader, version) }
    default:
      return null
  }
}

/** Resources that have configs, by Kafka's ConfigResource.Type. */
export const configResourceTypes = {
  UNKNOWN: 0,
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
  CLIENT_METRICS: 16,
  GROUP: 32
} as const

export type ConfigResourceType = keyof typeof configResourceTypes

const resourceTypeNames: ReadonlyMap<number, ConfigResourceType> = new Map([
  [configResourceTypes.TOPIC, 'TOPIC'],
  [configResourceTypes.BROKER, 'BROKER'],
  [configResourceTypes.BROKER_LOGGER, 'BROKER_LOGGER'],
  [configResourceTypes.CLIENT_METRICS, 'CLIENT_METRICS'],
  [configResourceTypes.GROUP, 'GROUP']
])

/** The kind of resource that a number on the wire stands for; UNKNOWN for every other number. */
export function configResourceType(id: number): ConfigResourceType {
  return resourceTypeNames.get(id) ?? 'UNKNOWN'
}
