/** What the workload asks for when it makes a topic. */
export interface TopicRules {
  readonly configs: Readonly<Record<string, string>>
  /** Whether records get the time of their append. */
  readonly stampsTime: boolean
  /** Null: what is old enough for the broker's default is never reached. */
  readonly retentionMs: number | null
  /** -1: any size. */
  readonly retentionBytes: number
}

/** Segments of few batches: their offset index has room for five. */
const smallSegments = { 'segment.index.bytes': '40', 'index.interval.bytes': '1' }

const topics: readonly (readonly [name: string, rules: TopicRules])[] = [
  [
    'orders',
    {
      configs: { ...smallSegments, 'retention.bytes': '900' },
      stampsTime: false,
      retentionMs: null,
      retentionBytes: 900
    }
  ],
  [
    'audit',
    {
      configs: {
        ...smallSegments,
        'message.timestamp.type': 'LogAppendTime',
        'segment.ms': '100',
        'retention.ms': '400'
      },
      stampsTime: true,
      retentionMs: 400,
      retentionBytes: -1
    }
  ],
  ['third', { configs: smallSegments, stampsTime: false, retentionMs: null, retentionBytes: -1 }]
]

/** One of the few names that there are. */
export function topicName(index: number): string {
  return topics[index % topics.length]![0]
}

export function topicRules(name: string): TopicRules {
  return topics.find(([known]) => known === name)![1]
}

export function topicIndex(name: string): number {
  return topics.findIndex(([known]) => known === name)
}
