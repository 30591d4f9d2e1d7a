import { describe, expect, test } from 'vitest'
import { brokerSettings, parseHostAndPort } from '../../src/broker-options.ts'
import { startPlan, type StartOptions, type StartPlan } from '../../src/cli/start-options.ts'
import { StartError } from '../../src/start-error.ts'

function plan(
  options: StartOptions = {},
  environment: Record<string, string> = {},
  properties = ''
): StartPlan {
  return startPlan(options, environment, () => properties)
}

test('without options the broker is in memory on 127.0.0.1:9092', () => {
  const { broker, logLevel, logFormat } = plan()
  expect(broker).toEqual({ listen: ['127.0.0.1:9092'], config: {} })
  expect([logLevel, logFormat]).toEqual(['info', null])
  const settings = brokerSettings(broker)
  expect(settings.durability).toBe('memory')
  expect(settings.dataDir).toBeNull()
})

test('flags win over the environment, the environment over the properties file', () => {
  const properties = 'num.partitions=1\nlog.retention.hours=1\nmessage.max.bytes=1\nnode.id=5'
  const environment = {
    ODRADEK_PROPERTIES: 'server.properties',
    ODRADEK_CONFIG_NUM_PARTITIONS: '2',
    ODRADEK_CONFIG_LOG_RETENTION_HOURS: '2',
    ODRADEK_NODE_ID: '6',
    ODRADEK_DATA_DIR: '/env'
  }
  const { broker } = plan(
    { config: ['num.partitions=3'], dataDir: '/flag' },
    environment,
    properties
  )
  expect(broker).toMatchObject({
    config: { 'num.partitions': '3', 'log.retention.hours': '2', 'message.max.bytes': '1' },
    nodeId: 6,
    dataDir: '/flag'
  })
})

test('a server.properties of Kafka says where to listen and where the data is', () => {
  const { broker } = plan(
    { properties: 'server.properties', insecure: true },
    {},
    [
      'listeners=PLAINTEXT://:9092,PLAINTEXT_HOST://127.0.0.1:29092',
      'advertised.listeners=PLAINTEXT://broker:9092,PLAINTEXT_HOST://localhost:29092',
      'log.dirs=/var/lib/kafka'
    ].join('\n')
  )
  expect(broker).toEqual({
    listen: ['0.0.0.0:9092', '127.0.0.1:29092'],
    advertise: ['broker:9092', 'localhost:29092'],
    dataDir: '/var/lib/kafka',
    config: {}
  })
})

test('the server.properties that Kafka comes with is taken, without its controller', () => {
  const { broker } = plan(
    { properties: 'server.properties', insecure: true },
    {},
    [
      'process.roles=broker,controller',
      'node.id=1',
      'controller.quorum.bootstrap.servers=localhost:9093',
      'listeners=PLAINTEXT://:9092,CONTROLLER://:9093',
      'inter.broker.listener.name=PLAINTEXT',
      'advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093',
      'controller.listener.names=CONTROLLER',
      'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL',
      'num.network.threads=3',
      'log.dirs=/tmp/kraft-combined-logs',
      'share.coordinator.state.topic.min.isr=1',
      'log.retention.hours=168'
    ].join('\n')
  )
  expect(broker).toEqual({
    listen: ['0.0.0.0:9092'],
    advertise: ['localhost:9092'],
    dataDir: '/tmp/kraft-combined-logs',
    nodeId: 1,
    config: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL',
      'num.network.threads': '3',
      'log.retention.hours': '168'
    }
  })
  // Said outright it goes on to those who refuse what they do not know.
  const said = plan({ config: ['process.roles=broker'] }).broker
  expect(said.config).toEqual({ 'process.roles': 'broker' })
})

test.each<[string, StartOptions, Record<string, string>, RegExp]>([
  ['a listener beyond this machine', { listen: ['0.0.0.0:9092'] }, {}, /--insecure/],
  ['a listener with a public name', { listen: ['kafka.example.com:9092'] }, {}, /--insecure/],
  ['a config without a value', { config: ['num.partitions'] }, {}, /KEY=VALUE/],
  ['a node id that is no number', { nodeId: 'one' }, {}, /node id/],
  ['a word for yes that is not true', {}, { ODRADEK_INSECURE: 'yes' }, /ODRADEK_INSECURE yes/],
  ['an unknown log level', {}, { ODRADEK_LOG_LEVEL: 'loud' }, /loud is none of debug/],
  ['an unknown log format', {}, { ODRADEK_LOG_FORMAT: 'xml' }, /xml is none of text/],
  ['a listener with TLS', { properties: 'f' }, {}, /SSL/]
])('%s is refused', (_what, options, environment, reason) => {
  const refused = (): StartPlan => plan(options, environment, 'listeners=SSL://127.0.0.1:9093')
  expect(refused).toThrow(StartError)
  expect(refused).toThrow(reason)
})

test('--insecure and ODRADEK_INSECURE=true allow a listener beyond this machine', () => {
  expect(plan({ listen: ['0.0.0.0:1'], insecure: true }).broker.listen).toEqual(['0.0.0.0:1'])
  const environment = { ODRADEK_LISTEN: '0.0.0.0:1,[::]:1', ODRADEK_INSECURE: 'true' }
  expect(plan({}, environment).broker.listen).toEqual(['0.0.0.0:1', '[::]:1'])
})

// From JavaScript, anything may come.
const notAMode: 'os' = JSON.parse('"never"')
const notAList: string[] = JSON.parse('"orders"')

describe('options of a broker', () => {
  test.each([
    ['9092', '127.0.0.1', 9092],
    ['localhost:0', 'localhost', 0],
    ['10.0.0.1:65535', '10.0.0.1', 65_535],
    ['[::1]:9092', '::1', 9092]
  ])('%s is an address', (text, host, port) => {
    expect(parseHostAndPort(text, 'listen')).toEqual({ host, port })
  })

  test.each(['', 'localhost', ':', ':9092', '::1:9092', 'a:65536', 'a:-1', 'a:b', 'http://a:1'])(
    '%j is none',
    text => {
      expect(() => parseHostAndPort(text, 'listen')).toThrow(StartError)
    }
  )

  test.each([
    [{ durability: 'fsync' as const }, /needs a data directory/],
    [{ durability: 'memory' as const, dataDir: '/d' }, /leave the data directory out/],
    [{ durability: notAMode, dataDir: '/d' }, /none of memory, os, fsync/],
    [{ clusterId: 'short' }, /22 characters/],
    [{ topics: notAList }, /a list of names/],
    [{ nodeId: -1 }, /node id/],
    [{ nodeId: 1.5 }, /node id/],
    [{ port: 70_000 }, /not a port/],
    [{ dataDir: '' }, /empty name/],
    [{ listen: [] }, /no address/],
    [{ listen: 'a:1', port: 2 }, /either listen, or host and port/],
    [{ advertise: ['a:1', 'b:1'] }, /more addresses to advertise/],
    [{ config: { listeners: 'PLAINTEXT://:1' } }, /set with the option listen/]
  ])('%j is refused', (options, reason) => {
    expect(() => brokerSettings(options)).toThrow(reason)
  })

  test('a data directory makes the broker durable, relative to where it was started', () => {
    const settings = brokerSettings({ dataDir: 'data' })
    expect(settings.durability).toBe('fsync')
    expect(settings.dataDir).toBe(`${process.cwd()}/data`)
  })

  test('topics may be names alone, configs may be numbers and booleans', () => {
    const settings = brokerSettings({ topics: ['a'], config: { 'num.partitions': 3 } })
    expect(settings.topics).toEqual([{ name: 'a' }])
    expect(settings.config.get('num.partitions')).toBe('3')
  })

  test('each listener has a name of its own and what is advertised for it', () => {
    const { listeners } = brokerSettings({
      listen: ['127.0.0.1:1', '127.0.0.1:2'],
      advertise: 'outside:9'
    })
    expect(listeners).toEqual([
      {
        host: '127.0.0.1',
        port: 1,
        name: 'PLAINTEXT',
        advertised: { host: 'outside', port: 9 }
      },
      { host: '127.0.0.1', port: 2, name: 'PLAINTEXT2', advertised: null }
    ])
  })
})
