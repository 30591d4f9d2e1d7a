// The conformance scenario with kafka-node 5, the oldest client of them all: it knows only message
// sets, which Apache Kafka itself no longer takes from version 4 on. What remains is its clear "no".
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import {
  begin,
  bootstrap,
  brokerHasNo,
  clientHasNo,
  expect,
  records,
  step,
  until
} from './scenario.mjs'

const require = createRequire(import.meta.url)
const kafka = require('kafka-node')

begin('kafka-node', require('kafka-node/package.json').version)

/** A client that is ready. */
function connect() {
  const client = new kafka.KafkaClient({
    kafkaHost: bootstrap,
    requestTimeout: 10_000,
    clientId: 'conformance'
  })
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client))
    client.on('error', reject)
  })
}

/** Runs a call with a client of its own. */
async function using(act) {
  const client = await connect()
  try {
    return await act(client)
  } finally {
    client.close(() => {})
  }
}

const withAdmin = act => using(client => act(new kafka.Admin(client)))
const call = (object, method, ...parameters) =>
  promisify(object[method].bind(object))(...parameters)

/**
 * What neither Apache Kafka 4 nor this broker takes: both close the connection of a request in a
 * version that they have dropped. Any other error has failed.
 */
async function orTooOld(what, act) {
  try {
    await act()
  } catch (error) {
    const text = `${error.message ?? error}`
    if (!text.includes('socket closed')) throw error
    throw brokerHasNo(`${what}; Apache Kafka 4 has dropped it too`)
  }
}

const produce = (topic, attributes = 0) =>
  orTooOld('Produce 2 is the newest that it knows', () =>
    using(async client => {
      const producer = new kafka.Producer(client, { requireAcks: 1, ackTimeoutMs: 5000 })
      const messages = records(10).map(({ key, value }) => new kafka.KeyedMessage(key, value))
      await call(producer, 'send', [{ topic, messages, attributes }])
    })
  )

const offsetByTime = () =>
  using(client => {
    const asked = { topic: 'auto-created-by-metadata', time: -1 }
    return call(new kafka.Offset(client), 'fetch', [asked])
  })

const lacks = what => async () => {
  throw clientHasNo(what)
}

await step('describe-cluster', () =>
  using(async client => {
    const [brokers, { metadata, clusterMetadata }] = await call(client, 'loadMetadataForTopics', [])
    expect('brokers', 1, Object.keys(brokers).length)
    expect('controller', 1, clusterMetadata.controllerId)
    expect('topics are known', 'object', typeof metadata)
  })
)
await step('create-topic', () =>
  orTooOld('CreateTopics 1 is the newest that it knows', () =>
    withAdmin(async admin => {
      const [refused] = await call(admin, 'createTopics', [
        { topic: 'scenario', partitions: 4, replicationFactor: 1 }
      ])
      if (refused !== undefined) throw new Error(refused.error)
    })
  )
)
await step('describe-topics', () =>
  using(client => {
    const topic = 'auto-created-by-metadata'
    return until('the topic is there', async () => {
      const [, { metadata }] = await call(client, 'loadMetadataForTopics', [topic])
      return topic in metadata
    })
  })
)
await step('auto-create', () => produce('auto-create'))
await step('produce-none', () => produce('produce-none'))
await step('produce-gzip', () => produce('produce-gzip', 1))
await step('produce-snappy', lacks('it needs a native module for snappy'))
await step('produce-lz4', lacks('it has no lz4'))
await step('produce-zstd', lacks('it has no zstd'))
await step('headers-tombstones', lacks('message sets have no headers'))
await step('large-record', () => produce('large-record'))
await step('acks', () => produce('acks'))
await step('idempotent-producer', lacks('it has no idempotent producer'))
await step('seek-by-time', () =>
  orTooOld('ListOffsets 0 is the newest that it knows', offsetByTime)
)
await step('group-consume', () =>
  orTooOld('ListOffsets 0, by which its groups begin, is the newest that it knows', offsetByTime)
)
await step('group-rebalance', lacks('without Fetch its groups read nothing'))
await step('group-kip-848', lacks('it has no groups of the new protocol'))
await step('commit-resume', lacks('without Fetch its groups read nothing'))
await step('list-groups', () => withAdmin(admin => call(admin, 'listGroups')))
await step('describe-group', () =>
  withAdmin(async admin => {
    const groups = await call(admin, 'describeGroups', ['unknown'])
    expect('state of an unknown group', 'Dead', groups.unknown.state)
  })
)
await step('group-offsets', () =>
  using(async client => {
    const [topic, group] = ['auto-created-by-metadata', 'group-offsets']
    const commit = { topic, partition: 0, offset: 42, metadata: 'a note' }
    client.coordinatorId = '1'
    await call(client, 'sendOffsetCommitV2Request', group, -1, '', [commit])
    const asked = [{ topic, partition: 0 }]
    const committed = await call(new kafka.Offset(client), 'fetchCommitsV1', group, asked)
    expect('committed', 42, committed[topic][0])
  })
)
await step('delete-group', lacks('it does not delete groups'))
await step('describe-configs', () =>
  withAdmin(async admin => {
    const resource = {
      resourceType: kafka.RESOURCE_TYPES?.topic ?? 'topic',
      resourceName: 'auto-created-by-metadata',
      configNames: []
    }
    const [described] = await call(admin, 'describeConfigs', {
      resources: [resource],
      includeSynonyms: false
    })
    const configs = new Map(
      described.configEntries.map(entry => [entry.configName, entry.configValue])
    )
    expect('retention.ms', '604800000', configs.get('retention.ms'))
  })
)
for (const name of ['alter-configs', 'delete-records', 'create-partitions']) {
  await step(name, lacks('it cannot'))
}
for (const name of ['transaction-commit', 'transaction-abort', 'transaction-offsets']) {
  await step(name, lacks('it has no transactions'))
}
await step('kill-restart', () => produce('kill-restart'))
await step('delete-topic', lacks('it does not delete topics'))

process.exit(0)
