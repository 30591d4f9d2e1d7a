// DescribeLogDirs. There is one folder, and no partition is on its way to another. A partition that
// could not be read when the broker started is told as a folder of its own, with the error.

import type { Topic } from '../cluster/topics.ts'
import type { Partition } from '../partition/partition.ts'
import type {
  DescribeLogDirsRequest,
  DescribeLogDirsResponseTopicInit
} from '../wire/generated/describe-log-dirs.ts'
import { errorCode } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

export const describeLogDirs: Handler<'DescribeLogDirs'> = (context, request) => {
  if (!context.authorize('DESCRIBE', 'CLUSTER', clusterResourceName)) {
    const refused = { throttleTimeMs: 0, results: [] }
    // Before version 3 only an empty list can say it.
    if (context.apiVersion < 3) return refused
    return { ...refused, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED') }
  }
  const { path, totalSize, usableSize } = directory(context)
  const topics = sizes(context, request)
  const unreadable = context.logDirectory.unreadable.map(logDir => ({
    errorCode: errorCode('KAFKA_STORAGE_ERROR'),
    logDir,
    topics: []
  }))
  return {
    throttleTimeMs: 0,
    results: [
      { errorCode: 0, logDir: path, topics, totalBytes: totalSize, usableBytes: usableSize },
      ...unreadable
    ]
  }
}

function directory({ logDirectory }: RequestContext): {
  readonly path: string
  readonly totalSize: number
  readonly usableSize: number
} {
  return {
    path: logDirectory.path,
    totalSize: logDirectory.totalSize(),
    usableSize: logDirectory.usableSize()
  }
}

/** The partitions asked for that exist, by topic; all of them when nothing is named. */
function sizes(
  { cluster, logDirectory }: RequestContext,
  { topics }: DescribeLogDirsRequest
): readonly DescribeLogDirsResponseTopicInit[] {
  const { path, unreadable } = logDirectory
  const isHere = ({ topic, partition }: Partition): boolean =>
    !unreadable.includes(`${path}/${topic}-${partition}`)
  if (topics === null) return [...cluster.topics()].map(topic => topicSizes(topic, isHere))
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of topics) {
    wanted.set(topic, new Set([...(wanted.get(topic) ?? []), ...partitions]))
  }
  const described: DescribeLogDirsResponseTopicInit[] = []
  for (const [name, indexes] of wanted) {
    const topic = cluster.topic(name)
    const isWanted = (partition: Partition): boolean =>
      indexes.has(partition.partition) && isHere(partition)
    const found = topic === undefined ? null : topicSizes(topic, isWanted)
    if (found !== null && found.partitions.length > 0) described.push(found)
  }
  return described
}

function topicSizes(
  topic: Topic,
  isWanted: (partition: Partition) => boolean
): DescribeLogDirsResponseTopicInit {
  const partitions = topic.partitions.filter(isWanted).map(({ partition, size }) => ({
    partitionIndex: partition,
    partitionSize: size,
    offsetLag: 0,
    isFutureKey: false
  }))
  return { name: topic.name, partitions }
}
