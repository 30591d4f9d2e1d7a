// DescribeLogDirs. There is one folder, and no partition is on its way to another.

import type { Topic } from '../cluster/topics.ts'
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
  return {
    throttleTimeMs: 0,
    results: [
      { errorCode: 0, logDir: path, topics, totalBytes: totalSize, usableBytes: usableSize }
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
  { cluster }: RequestContext,
  { topics }: DescribeLogDirsRequest
): readonly DescribeLogDirsResponseTopicInit[] {
  if (topics === null) return [...cluster.topics()].map(topic => topicSizes(topic, null))
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of topics) {
    wanted.set(topic, new Set([...(wanted.get(topic) ?? []), ...partitions]))
  }
  const described: DescribeLogDirsResponseTopicInit[] = []
  for (const [name, indexes] of wanted) {
    const topic = cluster.topic(name)
    const found = topic === undefined ? null : topicSizes(topic, indexes)
    if (found !== null && found.partitions.length > 0) described.push(found)
  }
  return described
}

function topicSizes(
  topic: Topic,
  indexes: ReadonlySet<number> | null
): DescribeLogDirsResponseTopicInit {
  const partitions = topic.partitions
    .filter(({ partition }) => indexes === null || indexes.has(partition))
    .map(({ partition, size }) => ({
      partitionIndex: partition,
      partitionSize: size,
      offsetLag: 0,
      isFutureKey: false
    }))
  return { name: topic.name, partitions }
}
