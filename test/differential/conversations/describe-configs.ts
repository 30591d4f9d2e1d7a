import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

type Resource = Request<'DescribeConfigs'>['resources'][number]
const topicType = 2
const brokerType = 4

export const describeConfigs: Conversation = {
  name: 'describe-configs',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    const topic = await talk.topic('a', {
      configs: { 'retention.ms': '5000', 'cleanup.policy': 'compact' }
    })
    const dropped = {
      resourceType: topicType,
      resourceName: topic.name,
      configurationKeys: ['retention.ms']
    }
    await client.attempt('DescribeConfigs', 0, { resources: [dropped] })
    for (const version of versions('DescribeConfigs', 1)) {
      const ask = (
        note: string,
        resources: readonly (readonly [
          resourceType: number,
          resourceName: string,
          keys?: Resource['configurationKeys']
        ])[],
        more: Partial<Request<'DescribeConfigs'>> = {}
      ) =>
        client.attempt(
          'DescribeConfigs',
          version,
          {
            resources: resources.map(([resourceType, resourceName, configurationKeys = null]) => ({
              resourceType,
              resourceName,
              configurationKeys
            })),
            ...more
          },
          note
        )
      const synonyms = { includeSynonyms: true }
      await ask('a topic', [[topicType, topic.name]])
      await ask('a topic with synonyms', [[topicType, topic.name]], synonyms)
      await ask('with documentation', [[topicType, topic.name, ['retention.ms']]], {
        includeDocumentation: true
      })
      await ask(
        'some configs',
        [[topicType, topic.name, ['cleanup.policy', 'retention.ms', 'no.such.config']]],
        synonyms
      )
      await ask('no configs', [[topicType, topic.name, []]])
      await ask('one config twice', [[topicType, topic.name, ['retention.ms', 'retention.ms']]])
      await ask(
        'an internal topic',
        [
          [
            topicType,
            '__consumer_offsets',
            [
              'cleanup.policy',
              'segment.bytes',
              'compression.type',
              'retention.ms',
              'min.insync.replicas'
            ]
          ]
        ],
        synonyms
      )
      await ask('a topic that is not there', [[topicType, talk.name('nowhere')]])
      await ask('topic names that are none', [
        [topicType, 'a b'],
        [topicType, ''],
        [topicType, '..']
      ])
      await ask('one topic twice', [
        [topicType, topic.name, ['retention.ms']],
        [topicType, topic.name, ['segment.ms']]
      ])
      await ask('nothing', [])
      const brokerKeys = [
        'log.retention.ms',
        'log.retention.hours',
        'log.retention.minutes',
        'num.partitions',
        'default.replication.factor',
        'auto.create.topics.enable',
        'log.cleanup.policy',
        'message.max.bytes',
        'log.message.timestamp.type',
        'group.initial.rebalance.delay.ms',
        'group.min.session.timeout.ms',
        'group.max.session.timeout.ms',
        'offsets.retention.minutes',
        'offset.metadata.max.bytes',
        'delete.topic.enable',
        'compression.type',
        'min.insync.replicas',
        'socket.request.max.bytes',
        'ssl.key.password',
        'advertised.nothing',
        'unclean.leader.election.enable',
        'log.segment.bytes',
        'log.roll.ms',
        'log.roll.hours',
        'connections.max.idle.ms',
        'transaction.max.timeout.ms',
        'offsets.topic.num.partitions',
        'max.connections',
        'num.io.threads',
        'log.flush.interval.ms',
        'background.threads',
        'broker.rack',
        'group.max.size',
        'fetch.max.bytes',
        'max.incremental.fetch.session.cache.slots',
        'replica.fetch.max.bytes',
        'log.index.size.max.bytes',
        'queued.max.requests'
      ]
      await ask('a broker', [[brokerType, '1', brokerKeys]], synonyms)
      await ask('the cluster', [[brokerType, '']])
      await ask('some of the cluster', [[brokerType, '', ['log.retention.ms']]])
      await ask('brokers that are not there', [
        [brokerType, '2'],
        [brokerType, '-1'],
        [brokerType, 'x'],
        [brokerType, '01', ['num.partitions']],
        [brokerType, '1.0']
      ])
      await ask('the loggers of another broker', [[8, '2']])
      await ask('loggers of no broker', [
        [8, ''],
        [8, 'x']
      ])
      await ask('the metrics of a client', [
        [16, 'metrics-of-nobody'],
        [16, '']
      ])
      await ask('a group', [[32, talk.name('group')]], synonyms)
      await ask('some of a group', [
        [32, talk.name('group'), ['consumer.session.timeout.ms', 'no.such']]
      ])
      await ask('a group without name', [[32, '']])
      await ask('types that there are none of', [
        [0, 'x'],
        [1, 'x'],
        [3, 'x'],
        [64, 'x'],
        [-1, 'x']
      ])
      await ask('good and bad', [
        [topicType, talk.name('nowhere')],
        [brokerType, '1', ['num.partitions']],
        [99, 'x'],
        [topicType, topic.name, ['segment.ms']]
      ])
    }
  }
}
