import { batchOf, recordTimeMs, type TextRecord } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { produceTo } from './produce.ts'

const t = recordTimeMs
const hourMs = 3_600_000

/** What a log holds: batches of records with these times, ms; null: without time. */
interface Times {
  readonly suffix: string
  readonly batches: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
  readonly compression?: 'gzip' | 'snappy'
  /** First offset to keep; nothing is deleted without it. */
  readonly deleteBefore?: number
}

/** Every batch is a segment of its own when the times of two lie an hour apart. */
const byTheHour = { 'segment.ms': '60000' }

const logs: readonly Times[] = [
  { suffix: 'no-times', batches: [[-1, -1], [-1]] },
  {
    suffix: 'no-times-at-first',
    batches: [
      [-1, -1],
      [-1, t + 5, -1]
    ]
  },
  { suffix: 'times-below-zero', batches: [[-2], [-5, -3]] },
  { suffix: 'equal', batches: [[t, t], [t, t], [t]], configs: byTheHour },
  {
    suffix: 'segments',
    batches: [[t], [t + hourMs, t + 3 * hourMs], [t + 2 * hourMs], [t + 3 * hourMs]],
    configs: byTheHour
  },
  {
    suffix: 'segments-deleted',
    batches: [[t], [t + hourMs, t + 3 * hourMs], [t + 2 * hourMs], [t + 3 * hourMs]],
    configs: byTheHour,
    deleteBefore: 3
  },
  { suffix: 'packed', batches: [[t + 3, t + 9, t + 9], [t + 5]], compression: 'gzip' },
  { suffix: 'largest-deleted', batches: [[t + 9, t + 1], [t + 3], [t + 2]], deleteBefore: 1 },
  { suffix: 'batch-deleted', batches: [[t + 9, t + 1], [t + 3], [t + 2]], deleteBefore: 2 },
  {
    suffix: 'segment-deleted',
    batches: [[t + 9 * hourMs], [t + 3 * hourMs], [t + 20 * hourMs], [t + 2 * hourMs]],
    configs: byTheHour,
    deleteBefore: 3
  },
  { suffix: 'all-deleted', batches: [[t + 9], [t + 3]], deleteBefore: 2 }
]

/** Where each of many moments is in logs whose records have times of all kinds. */
export const logTimes: Conversation = {
  name: 'log-times',
  async run(talk) {
    const client = talk.connect()
    for (const times of logs) {
      const topic = await filled(talk, times)
      const asked = new Set([-1, -2, -3, -4, 0, 1, t, t + 1, t + 4, t + 9, t + 10])
      for (const hours of [1, 2, 3, 4, 9, 20, 21]) {
        asked.add(t + hours * hourMs)
        asked.add(t + hours * hourMs + 1)
      }
      for (const timestamp of asked) await list(client, topic, timestamp, times.suffix)
    }
    await appendTimes(talk, client)
  }
}

async function filled(talk: Talk, times: Times): Promise<Topic> {
  const { suffix, batches, configs = {}, compression, deleteBefore } = times
  const topic = await talk.topic(suffix, { configs })
  for (const each of batches) {
    const records: TextRecord[] = each.map(timestampMs => ({ value: 'x', timestampMs }))
    const packed = compression === undefined ? {} : { compression }
    await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(records, packed)))
  }
  if (deleteBefore !== undefined) {
    const partitions = [{ partitionIndex: 0, offset: deleteBefore }]
    await talk.setup.ask('DeleteRecords', 2, {
      topics: [{ name: topic.name, partitions }],
      timeoutMs: 10_000
    })
  }
  return topic
}

/** Records have the time of the broker, which differs in each run: only offsets are compared. */
async function appendTimes(talk: Talk, client: Speaker): Promise<void> {
  const configs = { 'message.timestamp.type': 'LogAppendTime' }
  const topic = await talk.topic('append-time', { configs })
  for (const compression of ['none', 'gzip', 'snappy'] as const)
    await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(['x', 'y'], { compression })))
  for (const timestamp of [0, t, 2 ** 53 - 1]) await list(client, topic, timestamp, 'append times')
}

async function list(
  client: Speaker,
  { name }: Topic,
  timestamp: number,
  suffix: string
): Promise<void> {
  const asked: Request<'ListOffsets'> = {
    replicaId: -1,
    timeoutMs: 1_000,
    topics: [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
  }
  const moment = timestamp < t ? `${timestamp}` : `t + ${timestamp - t}`
  await client.ask('ListOffsets', 8, asked, `${suffix}, ${moment}`)
}
