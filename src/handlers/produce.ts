// Produce. timeoutMs is for the disk, there are no replicas to wait for. Transactions are not
// offered yet: transactional records are refused like those of an unknown transactional id, with
// INVALID_PRODUCER_ID_MAPPING; without any id with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, as Kafka
// does.
import { failure } from '../base/result.ts'
import { whenAllSettled, whenSettled, type Settled } from '../base/settled.ts'
import type { AppendFailure, AppendResult, Partition } from '../partition/partition.ts'
import { batchHeaderSize, isTransactional, magic } from '../record/batch.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type {
  ProduceRequest,
  ProduceRequestPartitionProduceData,
  ProduceRequestTopicProduceData,
  ProduceResponsePartitionProduceResponseInit,
  ProduceResponseTopicProduceResponseInit
} from '../wire/generated/produce.ts'
import { closeConnection, noAnswer } from './handler.ts'
import type { Answer, Handler, RequestContext } from './handler.ts'

type PartitionResponse = ProduceResponsePartitionProduceResponseInit

interface TopicResponse extends ProduceResponseTopicProduceResponseInit {
  readonly partitionResponses: readonly PartitionResponse[]
}

const topicIdsSince = 13
/** The client id under which Kafka lets tools write into internal topics. */
const adminClientId = '__admin_client'
const noRecords = Buffer.alloc(0)

export const produce: Handler<'Produce'> = (context, request) => {
  const refusal = transactionRefusal(context, request)
  // Every append begins before the first of them is waited for: requests of one connection overlap,
  // and must keep their order.
  const topics = request.topicData.map(topic => appendTopic(context, request, topic, refusal))
  return whenAllSettled(topics, responses => answerOf(request, responses))
}

function answerOf(
  { acks }: ProduceRequest,
  responses: readonly TopicResponse[]
): Answer<'Produce'> {
  if (acks === 0) return responses.some(hasFailed) ? closeConnection : noAnswer
  return { responses: responses.filter(({ partitionResponses }) => partitionResponses.length > 0) }
}

function hasFailed({ partitionResponses }: TopicResponse): boolean {
  return partitionResponses.some(({ errorCode }) => errorCode !== 0)
}

/** Begins all appends of a topic before it returns. */
function appendTopic(
  context: RequestContext,
  request: ProduceRequest,
  topic: ProduceRequestTopicProduceData,
  refusal: ErrorName | null
): Settled<TopicResponse> {
  const { name, topicId } = topic
  const byId = context.apiVersion >= topicIdsSince
  const found = byId ? context.cluster.topicById(topicId) : context.cluster.topic(name)
  const unknownId = byId && found === undefined ? 'UNKNOWN_TOPIC_ID' : null
  const written = { name: found?.name ?? name, isInternal: found?.isInternal === true }
  const partitions = topic.partitionData.map(data => {
    const partition =
      refusal ?? unknownId ?? findPartition(context, written, data.index, request.acks)
    if (typeof partition === 'string') return refused(data.index, partition)
    const options = { acks: request.acks, produceVersion: context.apiVersion }
    const appended = partition.append(data.records ?? noRecords, options)
    const answer = context.diskWaits.within(appended, request.timeoutMs, late)
    return whenSettled(answer, result => answered(partition, result))
  })
  return whenAllSettled(partitions, partitionResponses => ({ name, topicId, partitionResponses }))
}

/** The partition that a request may write to, or the error that keeps it from it. */
function findPartition(
  context: RequestContext,
  { name, isInternal }: { readonly name: string; readonly isInternal: boolean },
  index: number,
  acks: number
): Partition | ErrorName {
  if (!context.authorize('WRITE', 'TOPIC', name)) return 'TOPIC_AUTHORIZATION_FAILED'
  const partition = context.cluster.partition(name, index)
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  if (acks !== -1 && acks !== 0 && acks !== 1) return 'INVALID_REQUIRED_ACKS'
  if (isInternal && context.clientId !== adminClientId) {
    return 'INVALID_TOPIC_EXCEPTION'
  }
  return partition
}

/** What is said of a batch that is not durable in time. */
const late: AppendFailure = {
  ...failure('REQUEST_TIMED_OUT', 'the disk takes longer than the request may wait'),
  recordErrors: []
}

/** The error for a whole request that carries transactional records, null for any other. */
function transactionRefusal(context: RequestContext, request: ProduceRequest): ErrorName | null {
  const { transactionalId, topicData } = request
  if (!topicData.some(topic => topic.partitionData.some(isTransactionalData))) return null
  if (
    transactionalId === null ||
    !context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)
  ) {
    return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  }
  return 'INVALID_PRODUCER_ID_MAPPING'
}

function isTransactionalData({ records }: ProduceRequestPartitionProduceData): boolean {
  if (records === null || records.length < batchHeaderSize) return false
  return magic(records, 0) === 2 && isTransactional(records, 0)
}

function refused(index: number, error: ErrorName): PartitionResponse {
  return { index, errorCode: errorCode(error), baseOffset: -1 }
}

/**
 * Refusals after which Kafka does not say where the log starts
 * (`ReplicaManager.appendRecordsToLeader`); after any other it does.
 */
const refusalsWithoutLogStart: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'CORRUPT_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'KAFKA_STORAGE_ERROR'
])

function answered(partition: Partition, result: AppendResult): PartitionResponse {
  const index = partition.partition
  if (result.ok) {
    const { baseOffset, logAppendTimeMs, logStartOffset } = result.value
    return { index, errorCode: 0, baseOffset, logAppendTimeMs, logStartOffset }
  }
  return {
    index,
    errorCode: errorCode(result.error),
    baseOffset: -1,
    logStartOffset: refusalsWithoutLogStart.has(result.error) ? -1 : partition.logStartOffset,
    errorMessage: result.detail,
    recordErrors: result.recordErrors.map(each => ({
      batchIndex: each.batchIndex,
      batchIndexErrorMessage: each.message
    }))
  }
}
