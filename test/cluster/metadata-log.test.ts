import { expect, test } from 'vitest'
import type { Cluster } from '../../src/cluster/cluster.ts'
import {
  encodeMetadataRecord,
  type LoggedMetadataRecord
} from '../../src/cluster/metadata-records.ts'
import { MetadataReplay } from '../../src/cluster/metadata-replay.ts'
import { topicConfigDefinitions } from '../../src/config/generated.ts'
import { metadataRewriteRecordsMin } from '../../src/limits.ts'
import { createTopic, Disk } from './fixture.ts'

/** Configs that take any number: each is a record. */
const manyConfigs = topicConfigDefinitions
  .filter(({ type, min }) => type === 'long' && (min === undefined || min <= 0))
  .map(({ name }) => name)

/** A log that has grown far beyond what it still says, and what it says. */
async function grownDisk(): Promise<{ disk: Disk; says: unknown }> {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'kept', {
    numPartitions: 3,
    configs: [{ name: 'retention.ms', value: '5' }]
  })
  await cluster.nextProducerId()
  for (let round = 0; disk.metadataLog.logEndOffset <= metadataRewriteRecordsMin; round++) {
    const configs = manyConfigs.map(name => ({ name, value: `${round}` }))
    const topicId = await createTopic(cluster, `passing-${round}`, { configs })
    await cluster.deleteTopics([topicId])
  }
  return { disk, says: topics(cluster) }
}

function topics(cluster: Cluster): unknown {
  return [...cluster.topics()].map(({ name, topicId, partitions, configOverrides }) => {
    return { name, topicId, count: partitions.length, configOverrides: [...configOverrides] }
  })
}

/** Why the last of some records does not fit. */
function refusal(...records: LoggedMetadataRecord[]): string | null {
  const replay = new MetadataReplay()
  let last: string | null = null
  for (const record of records) {
    const applied = replay.apply(encodeMetadataRecord(record))
    last = applied.ok ? null : applied.detail
  }
  return last
}

test('a log that mostly tells of what is gone is written anew at the next start', async () => {
  const { disk, says } = await grownDisk()
  const { logEndOffset } = disk.metadataLog
  const cluster = await disk.open()
  expect(topics(cluster)).toEqual(says)
  expect(disk.metadataLog.logStartOffset).toBe(logEndOffset)
  expect(disk.metadataLog.logEndOffset - logEndOffset).toBeLessThan(20)
  await createTopic(cluster, 'later')
  const end = disk.metadataLog.logEndOffset
  const again = await disk.open()
  expect([...again.topics()].map(({ name }) => name)).toEqual(['kept', 'later'])
  expect(disk.metadataLog.logEndOffset).toBe(end)
  expect(await again.nextProducerId()).toMatchObject({ value: 1000 })
})

test('a log that still says most of what it holds is left as it is', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'large', { numPartitions: 9000 })
  await createTopic(cluster, 'other', { numPartitions: 2000 })
  const { logEndOffset } = disk.metadataLog
  await disk.open()
  expect([disk.metadataLog.logStartOffset, disk.metadataLog.logEndOffset]).toEqual([
    0,
    logEndOffset
  ])
})

test('a broker that stops while it writes the log anew loses and invents nothing', async () => {
  for (const stoppedAt of [0, 1, 2]) {
    const { disk, says } = await grownDisk()
    disk.metadataLog.failFrom(stoppedAt)
    // The first write may fail in peace; later the transaction must be aborted, which fails too.
    if (stoppedAt === 0) expect(topics(await disk.open())).toEqual(says)
    else await expect(disk.open()).rejects.toThrow(/cannot be written/)
    expect(disk.metadataLog.logStartOffset).toBe(0)
    disk.metadataLog.failFrom(null)
    const cluster = await disk.open()
    expect(topics(cluster)).toEqual(says)
    await createTopic(cluster, 'later')
    expect([...(await disk.open()).topics()].map(({ name }) => name)).toEqual(['kept', 'later'])
  }
})

test('what follows a transaction that was cut off counts', async () => {
  const { disk } = await grownDisk()
  disk.metadataLog.failFrom(1)
  await expect(disk.open()).rejects.toThrow(/cannot be written/)
  // There is room to abort the old transaction, but none for a new one.
  disk.metadataLog.failOnce(1)
  const cluster = await disk.open()
  expect(disk.metadataLog.logStartOffset).toBe(0)
  await createTopic(cluster, 'later')
  expect([...(await disk.open()).topics()].map(({ name }) => name)).toEqual(['kept', 'later'])
})

test('a full file system keeps the log as it is, and what follows counts', async () => {
  const { disk } = await grownDisk()
  disk.metadataLog.failOnce(1)
  const cluster = await disk.open()
  expect(disk.metadataLog.logStartOffset).toBe(0)
  await createTopic(cluster, 'later')
  expect([...(await disk.open()).topics()].map(({ name }) => name)).toEqual(['kept', 'later'])
})

test('transactions that make no sense are refused', () => {
  const begin = { type: 'BeginTransactionRecord', name: 'image' } as const
  expect(refusal({ type: 'EndTransactionRecord' })).toBe('a transaction ends that has not begun')
  expect(refusal(begin, begin)).toBe('a transaction begins within another')
  expect(refusal({ ...begin, name: null })).toBe('the transaction null is unknown')
  expect(refusal(begin, { type: 'AbortTransactionRecord', reason: null }, begin)).toBeNull()
})
