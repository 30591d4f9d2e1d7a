// ListOffsets. timeoutMs is ignored: nothing is looked up in remote storage. A batch that cannot be
// opened here (lz4, zstd without their codec) is found as a whole: its first offset, its largest
// timestamp.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type {
  ListOffsetsRequest,
  ListOffsetsRequestPartition,
  ListOffsetsResponsePartitionResponseInit,
  ListOffsetsResponseTopicResponseInit
} from '../wire/generated/list-offsets.ts'
import type { Handler, RequestContext } from './handler.ts'

type PartitionResponse = ListOffsetsResponsePartitionResponseInit

/** The version from which on each special timestamp may be asked for. */
const specialTimestampsSince: ReadonlyMap<number, number> = new Map([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
  [-5, 9],
  [-6, 11]
])

/** Clients of older versions know no leader epochs. */
const leaderEpochSince = 4

export const listOffsets: Handler<'ListOffsets'> = async (context, request) => {
  const duplicates = duplicatePartitions(request)
  const topics: ListOffsetsResponseTopicResponseInit[] = []
  for (const { name, partitions } of request.topics) {
    const isAuthorized = context.authorize('DESCRIBE', 'TOPIC', name)
    const found: PartitionResponse[] = []
    for (const each of partitions) {
      found.push(
        !isAuthorized
          ? refused(each, 'TOPIC_AUTHORIZATION_FAILED')
          : duplicates.has(keyOf(name, each))
            ? refused(each, 'INVALID_REQUEST')
            : await find(context, request, name, each)
      )
    }
    // As in Kafka, a topic without partitions is no part of the answer.
    if (found.length > 0) topics.push({ name, partitions: found })
  }
  return { topics }
}

async function find(
  context: RequestContext,
  request: ListOffsetsRequest,
  topic: string,
  asked: ListOffsetsRequestPartition
): Promise<PartitionResponse> {
  const { partitionIndex, timestamp, currentLeaderEpoch } = asked
  if (timestamp < 0) {
    const since = specialTimestampsSince.get(timestamp)
    if (since === undefined || context.apiVersion < since) {
      return refused(asked, 'UNSUPPORTED_VERSION')
    }
  }
  const partition = context.cluster.partition(topic, partitionIndex)
  if (partition === undefined) return refused(asked, 'UNKNOWN_TOPIC_OR_PARTITION')
  const isolationLevel = request.isolationLevel === 1 ? 'READ_COMMITTED' : 'READ_UNCOMMITTED'
  const found = await partition.listOffset(timestamp, isolationLevel, currentLeaderEpoch)
  if (!found.ok) return refused(asked, found.error)
  const { offset, timestampMs } = found.value
  const leaderEpoch = context.apiVersion >= leaderEpochSince ? found.value.leaderEpoch : -1
  return { partitionIndex, errorCode: 0, timestamp: timestampMs, offset, leaderEpoch }
}

/** Partitions that the request names more than once: each of their entries is refused. */
function duplicatePartitions(request: ListOffsetsRequest): ReadonlySet<string> {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name, partitions } of request.topics) {
    for (const each of partitions) {
      const key = keyOf(name, each)
      if (seen.has(key)) duplicates.add(key)
      seen.add(key)
    }
  }
  return duplicates
}

function keyOf(topic: string, { partitionIndex }: ListOffsetsRequestPartition): string {
  return `${partitionIndex}:${topic}`
}

function refused(
  { partitionIndex }: ListOffsetsRequestPartition,
  error: ErrorName
): PartitionResponse {
  return { partitionIndex, errorCode: errorCode(error), timestamp: -1, offset: -1 }
}
