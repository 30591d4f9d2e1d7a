import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

test('every version tells the folder and the sizes in it', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { numPartitions: 2 })
  const partition = plane.cluster.partition('a', 1)!
  await partition.appendRecords([{ key: null, value: Buffer.alloc(100) }])
  expect(partition.size).toBeGreaterThan(100)
  for (const version of ControlPlane.versions('DescribeLogDirs')) {
    const partitions = [0, partition.size].map((partitionSize, partitionIndex) => ({
      partitionSize,
      partitionIndex,
      offsetLag: 0,
      isFutureKey: false
    }))
    expect(await plane.ask('DescribeLogDirs', version, { topics: null })).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      results: [
        {
          errorCode: 0,
          logDir: '/data',
          topics: [{ name: 'a', partitions }],
          totalBytes: version >= 4 ? 1000 : -1,
          usableBytes: version >= 4 ? 400 : -1
        }
      ]
    })
  }
})

test('only partitions that were asked for and exist are described, each once', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { numPartitions: 3 })
  await createTopic(plane.cluster, 'b')
  const { results } = await plane.ask('DescribeLogDirs', 4, {
    topics: [
      { topic: 'a', partitions: [2, 9, 2] },
      { topic: 'a', partitions: [0] },
      { topic: 'nope', partitions: [0] },
      { topic: 'b', partitions: [] }
    ]
  })
  expect(results[0]!.topics).toMatchObject([
    { name: 'a', partitions: [{ partitionIndex: 0 }, { partitionIndex: 2 }] }
  ])
  expect(results[0]!.topics).toHaveLength(1)
})

test('who may not describe the cluster sees nothing', async () => {
  const plane = await ControlPlane.open()
  plane.denied.add('DESCRIBE CLUSTER')
  for (const version of ControlPlane.versions('DescribeLogDirs')) {
    expect(await plane.ask('DescribeLogDirs', version, { topics: null })).toMatchObject({
      errorCode: version >= 3 ? 31 : 0,
      results: []
    })
  }
})

test('a partition that could not be read is a folder of its own, with the error', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { numPartitions: 2 })
  plane.unreadable = ['/data/a-1']
  const { results } = await plane.ask('DescribeLogDirs', 4, { topics: null })
  expect(results).toMatchObject([
    { errorCode: 0, logDir: '/data', topics: [{ name: 'a', partitions: [{ partitionIndex: 0 }] }] },
    { errorCode: 56, logDir: '/data/a-1', topics: [] }
  ])
  expect(results[0]!.topics[0]!.partitions).toHaveLength(1)
})
