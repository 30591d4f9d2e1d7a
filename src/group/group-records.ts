import { assert } from '../base/assert.ts'
import {
  readGroupMetadataKey,
  readGroupMetadataValue,
  writeGroupMetadataKey,
  writeGroupMetadataValue
} from '../wire/generated/records/group-metadata.ts'
import {
  readOffsetCommitKey,
  readOffsetCommitValue,
  writeOffsetCommitKey,
  writeOffsetCommitValue
} from '../wire/generated/records/offset-commit.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** What `__consumer_offsets` holds for classic groups; a null value is a tombstone. */
export type GroupRecord =
  | { readonly type: 'group'; readonly groupId: string; readonly value: GroupValue | null }
  | {
      readonly type: 'offset'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: CommittedOffset | null
    }

/** A group as it is remembered: Empty, or Stable with the members of one generation. */
export interface GroupValue {
  /** Empty for a group that has never had a member. */
  readonly protocolType: string
  readonly generationId: number
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** Wall ms of the last change of state; -1 in records of old brokers. */
  readonly currentStateTimestampMs: number
  readonly members: readonly GroupValueMember[]
}

export interface GroupValueMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** -1 in records of old brokers: the session timeout counts. */
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Buffer
  readonly assignment: Buffer
}

export interface CommittedOffset {
  /** As the client sent it, negative or not. */
  readonly offset: bigint
  /** -1 when unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall ms. */
  readonly commitTimestampMs: number
  /**
   * Wall ms, when the client asked for a retention of its own (OffsetCommit 2 to 4); null
   * otherwise.
   */
  readonly expireTimestampMs: number | null
  /** The zero id when the client committed by name. */
  readonly topicId: string
}

const groupKeyType = 2
/** Versions 0 and 1 of the offset key are the same; Kafka writes 1. */
const offsetKeyTypes: readonly number[] = [0, 1]
const groupValueVersion = 4
const offsetValueVersion = 4
/** The one version that can say when the offset expires. */
const expiringOffsetValueVersion = 1

/**
 * Key and value as Kafka 4.2 writes them (GroupCoordinatorRecordHelpers): an int16 first, then the
 * fields.
 */
export function encodeGroupRecord(record: GroupRecord): { key: Buffer; value: Buffer | null } {
  return record.type === 'group'
    ? {
        key: encode(groupKeyType, writer =>
          writeGroupMetadataKey(writer, { group: record.groupId }, 0)
        ),
        value: record.value === null ? null : encodeGroup(record.value)
      }
    : {
        key: encode(1, writer =>
          writeOffsetCommitKey(
            writer,
            { group: record.groupId, topic: record.topic, partition: record.partition },
            0
          )
        ),
        value: record.value === null ? null : encodeOffset(record.value)
      }
}

/**
 * Reads a record of `__consumer_offsets`. The result keeps nothing of the buffers.
 *
 * @returns null for types that are not classic groups' (KIP-848 groups, share groups …)
 */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | null {
  const reader = new Reader(key)
  const type = reader.int16()
  if (type === groupKeyType) {
    const { group } = readGroupMetadataKey(reader, 0)
    return { type: 'group', groupId: group, value: value === null ? null : decodeGroup(value) }
  }
  if (offsetKeyTypes.includes(type)) {
    const { group, topic, partition } = readOffsetCommitKey(reader, 0)
    const committed = value === null ? null : decodeOffset(value)
    return { type: 'offset', groupId: group, topic, partition, value: committed }
  }
  return null
}

/** Bytes that a group takes as a record, at most: names count three bytes a character. */
export function groupRecordSizeMax(groupId: string, value: GroupValue): number {
  let size = 64 + textSizeMax(groupId, value.protocolType, value.protocolName, value.leaderId)
  for (const member of value.members) {
    size += textSizeMax(member.memberId, member.groupInstanceId, member.clientId, member.clientHost)
    size += member.subscription.length + member.assignment.length + 32
  }
  return size
}

function textSizeMax(...texts: readonly (string | null)[]): number {
  return texts.reduce((size, text) => size + 5 + 3 * (text?.length ?? 0), 0)
}

/** The same for a committed offset. */
export function offsetRecordSizeMax(record: GroupRecord & { readonly type: 'offset' }): number {
  const characters = record.groupId.length + record.topic.length
  return 64 + 3 * (characters + (record.value?.metadata.length ?? 0))
}

function encodeGroup(group: GroupValue): Buffer {
  return encode(groupValueVersion, writer =>
    writeGroupMetadataValue(
      writer,
      {
        protocolType: group.protocolType,
        generation: group.generationId,
        protocol: group.protocolName,
        leader: group.leaderId,
        currentStateTimestamp: group.currentStateTimestampMs,
        members: group.members.map(member => ({
          memberId: member.memberId,
          groupInstanceId: member.groupInstanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          rebalanceTimeout: member.rebalanceTimeoutMs,
          sessionTimeout: member.sessionTimeoutMs,
          subscription: member.subscription,
          assignment: member.assignment
        }))
      },
      groupValueVersion
    )
  )
}

function decodeGroup(bytes: Buffer): GroupValue {
  const reader = new Reader(bytes)
  const value = readGroupMetadataValue(reader, version(reader, groupValueVersion))
  return {
    protocolType: value.protocolType,
    generationId: value.generation,
    protocolName: value.protocol,
    leaderId: value.leader,
    currentStateTimestampMs: value.currentStateTimestamp,
    members: value.members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      subscription: Buffer.from(member.subscription),
      assignment: Buffer.from(member.assignment)
    }))
  }
}

function encodeOffset(committed: CommittedOffset): Buffer {
  const expires = committed.expireTimestampMs !== null
  const valueVersion = expires ? expiringOffsetValueVersion : offsetValueVersion
  return encode(valueVersion, writer =>
    writeOffsetCommitValue(
      writer,
      {
        offset: committed.offset,
        leaderEpoch: committed.leaderEpoch,
        metadata: committed.metadata,
        commitTimestamp: committed.commitTimestampMs,
        expireTimestamp: committed.expireTimestampMs ?? -1,
        topicId: committed.topicId
      },
      valueVersion
    )
  )
}

function decodeOffset(bytes: Buffer): CommittedOffset {
  const reader = new Reader(bytes)
  const value = readOffsetCommitValue(reader, version(reader, offsetValueVersion))
  return {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestampMs: value.commitTimestamp,
    expireTimestampMs: value.expireTimestamp === -1 ? null : value.expireTimestamp,
    topicId: value.topicId
  }
}

function version(reader: Reader, newest: number): number {
  const found = reader.int16()
  assert(found >= 0 && found <= newest, `a record version that this broker knows, not ${found}`)
  return found
}

function encode(typeOrVersion: number, write: (writer: Writer) => void): Buffer {
  const writer = new Writer(256)
  writer.int16(typeOrVersion)
  write(writer)
  return Buffer.concat(writer.takeChunks())
}
