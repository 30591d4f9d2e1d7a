import * as fc from 'fast-check'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { handlers } from '../../src/handlers/index.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { buildBatch } from '../../src/record/records.ts'
import { apis, type ApiName, type Messages } from '../../src/wire/generated/api-table.ts'
import { anyMessage } from '../wire/arbitraries.ts'
import { everyMessage, type MessageUnderTest } from '../wire/every-message.ts'
import { RawClient } from './raw-client.ts'

// Requests that are well formed and otherwise arbitrary, in every version, to a whole broker.
// Whatever they say, each is answered in its version, and the broker lives on.

const topic = 'known'
const served = Object.values(apis).flatMap(({ name, advertised }) =>
  advertised === null || handlers[name] === undefined ? [] : [name]
)

let messages: readonly MessageUnderTest[] = []
beforeAll(async () => {
  messages = await everyMessage()
})

async function brokerWithTopic(): Promise<{ broker: RunningBroker; topicId: string }> {
  const broker = await startBroker({
    topics: [{ name: topic, partitions: 2 }],
    config: { 'group.min.session.timeout.ms': 1, 'offsets.topic.num.partitions': 2 }
  })
  onTestFinished(() => broker.close())
  const client = await connect(broker)
  client.request('Metadata', 12, 1, { topics: [{ name: topic }] })
  const { response } = await client.answer('Metadata', 12)
  return { broker, topicId: response.topics[0]!.topicId }
}

async function connect(broker: RunningBroker): Promise<RawClient> {
  const client = await RawClient.connect(broker.port)
  onTestFinished(() => client.close())
  return client
}

/** What a field is made to say, so that requests reach what is there and wait for nothing long. */
function likely(field: string, value: unknown, topicId: string): unknown {
  switch (field) {
    case 'topicId':
      return topicId
    case 'partition':
    case 'partitionIndex':
    case 'index':
      return typeof value === 'number' ? Math.abs(value) % 3 : value
    case 'timeoutMs':
    case 'maxWaitMs':
    case 'sessionTimeoutMs':
    case 'rebalanceTimeoutMs':
      return 5
    case 'numPartitions':
    case 'count':
      return typeof value === 'number' ? value % 4 : value
    case 'groupId':
      return typeof value === 'string' && value.length === 1 ? 'group' : value
    case 'acks':
      return -1
    case 'maxBytes':
    case 'partitionMaxBytes':
      return 1_000_000
    default:
      return value
  }
}

const batch = (): Buffer =>
  buildBatch({ records: [{ key: null, value: Buffer.from('v') }], timestampMs: 1 })

function steered(value: unknown, topicId: string): unknown {
  if (Array.isArray(value)) return value.map(each => steered(each, topicId))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  const entries = Object.entries(value).map(([field, inner]) => {
    const namesTopic = ['name', 'topic', 'topicName', 'resourceName'].includes(field)
    if (namesTopic && typeof inner === 'string') return [field, inner.length % 2 ? topic : inner]
    if (field === 'records') return [field, inner === null ? null : batch()]
    return [field, likely(field, steered(inner, topicId), topicId)]
  })
  return Object.fromEntries(entries)
}

describe('every request is answered in its version', () => {
  test.each(served)('%s', async apiName => {
    const { broker, topicId } = await brokerWithTopic()
    let client = await connect(broker)
    let correlationId = 0
    const definition = apis[apiName]
    const message = messages.find(each => each.name === `${apiName}Request`)!
    for (let version = definition.acceptedMin; version <= definition.advertised!.max; version++) {
      await fc.assert(
        fc.asyncProperty(anyMessage(message, version), async value => {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- by definition
          const request = steered(value, topicId) as Messages[ApiName]['requestInit']
          correlationId++
          client.request(apiName, version, correlationId, request)
          const answer = await client.answer(apiName, version).catch(async (error: unknown) => {
            client = await connect(broker)
            throw error
          })
          expect(answer.correlationId).toBe(correlationId)
        }),
        { numRuns: 15 }
      )
    }
    const state = await Promise.race([broker.closed, Promise.resolve('running')])
    expect(state).toBe('running')
  })
})
