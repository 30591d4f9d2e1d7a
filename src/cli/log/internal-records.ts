import { AssertionError } from '../../base/assert.ts'
import { decodeMetadataRecord } from '../../cluster/metadata-records.ts'
import {
  clusterMetadataTopic,
  consumerOffsetsTopic,
  transactionStateTopic
} from '../../cluster/topic-name.ts'
import {
  readConsumerGroupCurrentMemberAssignmentKey,
  readConsumerGroupCurrentMemberAssignmentValue
} from '../../wire/generated/records/consumer-group-current-member-assignment.ts'
import {
  readConsumerGroupMemberMetadataKey,
  readConsumerGroupMemberMetadataValue
} from '../../wire/generated/records/consumer-group-member-metadata.ts'
import {
  readConsumerGroupMetadataKey,
  readConsumerGroupMetadataValue
} from '../../wire/generated/records/consumer-group-metadata.ts'
import {
  readConsumerGroupPartitionMetadataKey,
  readConsumerGroupPartitionMetadataValue
} from '../../wire/generated/records/consumer-group-partition-metadata.ts'
import {
  readConsumerGroupRegularExpressionKey,
  readConsumerGroupRegularExpressionValue
} from '../../wire/generated/records/consumer-group-regular-expression.ts'
import {
  readConsumerGroupTargetAssignmentMemberKey,
  readConsumerGroupTargetAssignmentMemberValue
} from '../../wire/generated/records/consumer-group-target-assignment-member.ts'
import {
  readConsumerGroupTargetAssignmentMetadataKey,
  readConsumerGroupTargetAssignmentMetadataValue
} from '../../wire/generated/records/consumer-group-target-assignment-metadata.ts'
import {
  readGroupMetadataKey,
  readGroupMetadataValue
} from '../../wire/generated/records/group-metadata.ts'
import {
  readOffsetCommitKey,
  readOffsetCommitValue
} from '../../wire/generated/records/offset-commit.ts'
import { groupRecordTypes } from '../../wire/generated/records/record-types.ts'
import {
  readTransactionLogKey,
  readTransactionLogValue
} from '../../wire/generated/records/transaction-log.ts'
import { MalformedRequest } from '../../wire/malformed-request.ts'
import { Reader } from '../../wire/reader.ts'

/** What a record of an internal topic means, in the names of Kafka's own definitions. */
export interface InternalRecord {
  readonly type: string
  /** Left out where a key has no fields of its own. */
  readonly key?: object
  /** Null: a tombstone. */
  readonly value: object | null
}

type Read = (reader: Reader, version: number) => object

interface Layout {
  readonly type: string
  readonly key: Read
  readonly value: Read
}

const offsetLayout: Layout = {
  type: 'OffsetCommit',
  key: readOffsetCommitKey,
  value: readOffsetCommitValue
}

/** By the int16 that a key begins with. */
const groupLayouts: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [groupRecordTypes.LegacyOffsetCommit, offsetLayout],
  [groupRecordTypes.OffsetCommit, offsetLayout],
  [
    groupRecordTypes.GroupMetadata,
    {
      type: 'GroupMetadata',
      key: readGroupMetadataKey,
      value: readGroupMetadataValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupMetadata,
    {
      type: 'ConsumerGroupMetadata',
      key: readConsumerGroupMetadataKey,
      value: readConsumerGroupMetadataValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupPartitionMetadata,
    {
      type: 'ConsumerGroupPartitionMetadata',
      key: readConsumerGroupPartitionMetadataKey,
      value: readConsumerGroupPartitionMetadataValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupMemberMetadata,
    {
      type: 'ConsumerGroupMemberMetadata',
      key: readConsumerGroupMemberMetadataKey,
      value: readConsumerGroupMemberMetadataValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupTargetAssignmentMetadata,
    {
      type: 'ConsumerGroupTargetAssignmentMetadata',
      key: readConsumerGroupTargetAssignmentMetadataKey,
      value: readConsumerGroupTargetAssignmentMetadataValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupTargetAssignmentMember,
    {
      type: 'ConsumerGroupTargetAssignmentMember',
      key: readConsumerGroupTargetAssignmentMemberKey,
      value: readConsumerGroupTargetAssignmentMemberValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupCurrentMemberAssignment,
    {
      type: 'ConsumerGroupCurrentMemberAssignment',
      key: readConsumerGroupCurrentMemberAssignmentKey,
      value: readConsumerGroupCurrentMemberAssignmentValue
    }
  ],
  [
    groupRecordTypes.ConsumerGroupRegularExpression,
    {
      type: 'ConsumerGroupRegularExpression',
      key: readConsumerGroupRegularExpressionKey,
      value: readConsumerGroupRegularExpressionValue
    }
  ]
])

const transactionLayout: Layout = {
  type: 'TransactionLog',
  key: readTransactionLogKey,
  value: readTransactionLogValue
}

/**
 * Reads a record of an internal topic; null when the topic is none, or the record is of a kind or
 * a version that is not known here.
 */
export function decodeInternalRecord(
  topic: string,
  key: Buffer | null,
  value: Buffer | null
): InternalRecord | null {
  try {
    switch (topic) {
      case consumerOffsetsTopic:
        return keyed(key, value, type => groupLayouts.get(type))
      case transactionStateTopic:
        return keyed(key, value, type => (type === 0 ? transactionLayout : undefined))
      case clusterMetadataTopic:
        return metadataRecord(value)
      default:
        return null
    }
  } catch (error) {
    if (error instanceof MalformedRequest || error instanceof AssertionError) return null
    throw error
  }
}

function keyed(
  key: Buffer | null,
  value: Buffer | null,
  layoutOf: (type: number) => Layout | undefined
): InternalRecord | null {
  if (key === null) return null
  const keyReader = new Reader(key)
  const layout = layoutOf(keyReader.int16())
  if (layout === undefined) return null
  const fields = layout.key(keyReader, 0)
  if (value === null) return { type: layout.type, key: fields, value: null }
  const valueReader = new Reader(value)
  return { type: layout.type, key: fields, value: layout.value(valueReader, valueReader.int16()) }
}

function metadataRecord(value: Buffer | null): InternalRecord | null {
  const record = value === null ? null : decodeMetadataRecord(value)
  if (record === null || !record.ok) return null
  const { type, ...fields } = record.value
  return { type, value: fields }
}
