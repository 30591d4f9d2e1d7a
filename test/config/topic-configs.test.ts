import { describe, expect, test } from 'vitest'
import { parseBrokerConfig, type BrokerConfig } from '../../src/config/broker-config.ts'
import { topicConfigDefinitions } from '../../src/config/generated.ts'
import { resolveTopicConfigs, validateTopicConfigs } from '../../src/config/topic-configs.ts'

function broker(configs: Record<string, string> = {}): BrokerConfig {
  const parsed = parseBrokerConfig(configs, 'memory')
  if (!parsed.ok) throw new Error(parsed.detail ?? parsed.error)
  return parsed.value
}

function refusal(overrides: Record<string, string>, configs: Record<string, string> = {}) {
  const valid = validateTopicConfigs(new Map(Object.entries(overrides)), broker(configs))
  return valid.ok ? null : valid.detail
}

const resolved = (overrides: Record<string, string>, configs: Record<string, string> = {}) =>
  resolveTopicConfigs(new Map(Object.entries(overrides)), broker(configs))

test('a topic without configs of its own, on a broker without any, has those of Kafka', () => {
  expect(resolved({})).toEqual({
    segmentBytes: 1_073_741_824,
    segmentMs: 604_800_000,
    segmentJitterMs: 0,
    segmentIndexBytes: 10_485_760,
    indexIntervalBytes: 4096,
    retentionBytes: -1,
    retentionMs: 604_800_000,
    fileDeleteDelayMs: 60_000,
    maxMessageBytes: 1_048_588,
    messageTimestampType: 'CreateTime',
    messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
    messageTimestampAfterMaxMs: 3_600_000,
    compressionType: 'producer',
    compressionLevels: { gzip: -1, zstd: 3 },
    cleanupPolicy: { delete: true, compact: false },
    minInsyncReplicas: 1,
    deleteRetentionMs: 86_400_000,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    minCleanableDirtyRatio: 0.5,
    flushMessages: Number.MAX_SAFE_INTEGER,
    flushMs: Number.MAX_SAFE_INTEGER
  })
})

test('the topic wins over the broker, the broker over the default', () => {
  const configs = { 'log.segment.bytes': '2000000' }
  expect(resolved({}, configs).segmentBytes).toBe(2_000_000)
  expect(resolved({ 'segment.bytes': '3000000' }, configs).segmentBytes).toBe(3_000_000)
})

describe('retention.ms comes from the broker', () => {
  test.each([
    [{ 'log.retention.hours': '2' }, 7_200_000],
    [{ 'log.retention.hours': '2', 'log.retention.minutes': '3' }, 180_000],
    [{ 'log.retention.minutes': '3', 'log.retention.ms': '4' }, 4],
    [{ 'log.retention.hours': '-1' }, -1],
    [{ 'log.retention.hours': ' 1 ' }, 3_600_000]
  ])('as %j', (configs, retentionMs) => {
    expect(resolved({}, configs).retentionMs).toBe(retentionMs)
  })
})

test('roll and flush times come from the broker, the finer unit first', () => {
  const hours = { 'log.roll.hours': '1', 'log.roll.jitter.hours': '2' }
  expect(resolved({}, hours)).toMatchObject({ segmentMs: 3_600_000, segmentJitterMs: 7_200_000 })
  expect(resolved({}, { ...hours, 'log.roll.ms': '5' })).toMatchObject({ segmentMs: 5 })
  const flush = { 'log.flush.scheduler.interval.ms': '9' }
  expect(resolved({}, flush).flushMs).toBe(9)
  expect(resolved({}, { ...flush, 'log.flush.interval.ms': '8' }).flushMs).toBe(8)
})

test('a list of policies says what is done; an empty one says nothing is', () => {
  expect(resolved({ 'cleanup.policy': 'compact,delete' }).cleanupPolicy).toEqual({
    delete: true,
    compact: true
  })
  expect(resolved({ 'cleanup.policy': '' }).cleanupPolicy).toEqual({
    delete: false,
    compact: false
  })
})

test('names that are no topic config are refused, broker configs among them', () => {
  expect(refusal({ 'log.retention.ms': '1' })).toBe('Unknown topic config name: log.retention.ms')
  expect(refusal({ constructor: '1' })).toBe('Unknown topic config name: constructor')
})

test('every definition accepts its own default', () => {
  for (const { name, defaultValue } of topicConfigDefinitions) {
    expect(refusal({ [name]: defaultValue! })).toBeNull()
  }
})

test('throttled replicas are pairs, or all', () => {
  const name = 'leader.replication.throttled.replicas'
  for (const good of ['*', '', '0:1', '0:1,12:3']) expect(refusal({ [name]: good })).toBeNull()
  for (const bad of ['1', '0:x', '*,0:1']) {
    expect(refusal({ [name]: bad })).toMatch(/must be the literal '\*' or a list of replicas/)
  }
})

test('rules between configs include what the broker says', () => {
  const tooShort = { 'log.cleaner.max.compaction.lag.ms': '5' }
  expect(refusal({ 'min.compaction.lag.ms': '6' }, tooShort)).toBe(
    'conflict topic config setting min.compaction.lag.ms (6) > max.compaction.lag.ms (5)'
  )
  expect(refusal({ 'min.compaction.lag.ms': '5' }, tooShort)).toBeNull()
})

test('numbers that a double cannot tell apart are compared exactly', () => {
  const overrides = {
    'min.compaction.lag.ms': '9223372036854775807',
    'max.compaction.lag.ms': '9223372036854775806'
  }
  expect(refusal(overrides)).toMatch(/conflict/)
})

test('a remote store is refused, since there is none', () => {
  expect(refusal({ 'remote.storage.enable': 'true' })).toMatch(/^Tiered Storage functionality/)
  expect(refusal({ 'remote.storage.enable': 'false' })).toBeNull()
})
