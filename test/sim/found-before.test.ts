import { expect, test } from 'vitest'
import { runPlan } from './plan.ts'
import type { RunStep } from './plane-run.ts'
import { script } from './plane-script.ts'

// Histories that have broken a promise before.

const produce = (topic: number, partition: number, producer: number, count: number): RunStep => {
  return { type: 'produce', topic, partition, producer, count, valueSize: 60 }
}
const settle: RunStep = { type: 'settle' }

test('a log start stays where it is when the segment that has noted it is cut off', async () => {
  const steps: readonly RunStep[] = [
    { type: 'createTopic', topic: 0 },
    settle,
    produce(0, 0, 0, 1),
    produce(0, 0, 0, 2),
    { type: 'advance', ms: 60 },
    { type: 'stop' },
    produce(0, 0, 0, 2),
    { type: 'createTopic', topic: 1 },
    settle,
    ...[1, 2, 3, 4, 2, 2, 2, 2].map(count => produce(1, 0, 0, count)),
    produce(1, 1, 2, 2),
    settle,
    { type: 'deleteRecords', topic: 0, partition: 0, share: 0.6 },
    produce(0, 0, 0, 2)
  ]
  for (let after = 40; after < 70; after++) {
    const crash = { type: 'crash', at: { after }, torn: 0, isClosing: true } as const
    const { failure } = await runPlan({
      durability: 'os',
      seed: 1,
      steps: [
        ...steps,
        { ...crash, kind: 'adversary', seed: 293735073 },
        { type: 'crash', kind: 'process', at: { share: 1 }, torn: 0, seed: 93788060 }
      ]
    })
    expect([after, failure]).toEqual([after, null])
  }
})

test('what recovery goes by is not lost when it writes a torn sidecar anew', async () => {
  const steps: readonly RunStep[] = [
    { type: 'createTopic', topic: 0 },
    { type: 'newProducer', producer: 0 },
    settle,
    ...[1, 2, 3, 4, 2, 2, 2, 2].map(count => produce(0, 0, 0, count)),
    produce(0, 1, 2, 2),
    { type: 'compact', topic: 0 },
    produce(0, 0, 0, 2),
    { type: 'join', group: 0 },
    { type: 'commit', group: 0, topic: 0, partition: 0 },
    { type: 'alterTopic', topic: 0 },
    produce(0, 0, 0, 2),
    { type: 'retain', topic: 0 }
  ]
  const process = { type: 'crash', kind: 'process', torn: 0, seed: 1385289412 } as const
  const power = { type: 'crash', kind: 'adversary', torn: 0 } as const
  for (let seed = 0; seed < 12; seed++) {
    for (const share of [0.35, 0.7, 1]) {
      const { failure } = await runPlan({
        durability: 'os',
        seed: 1,
        steps: [
          ...steps,
          { ...power, at: { after: 130 }, isClosing: true, seed: 1916065788 },
          { ...process, at: { share } },
          { ...power, at: { share: 0.35 }, seed }
        ]
      })
      expect([seed, share, failure]).toEqual([seed, share, null])
    }
  }
})

test('a broker that has no descriptor left for a note of the log does not stop', async () => {
  for (let nth = 14; nth < 24; nth++) {
    const fault = { id: 'fault', call: 'open', nth, code: 'EMFILE', lasts: 50 } as const
    const { failure } = await runPlan({
      durability: 'fsync',
      seed: 1,
      steps: [
        { type: 'fault', fault, from: 'start' },
        ...script[0]!,
        { type: 'crash', kind: 'nothing', at: { share: 1 }, torn: 0, seed: 1 }
      ]
    })
    expect([nth, failure]).toEqual([nth, null])
  }
})

test('a topic that was deleted can be made again after its folder could not be synced', async () => {
  for (let nth = 1; nth < 12; nth++) {
    const fault = { id: 'fault', call: 'syncDirectory', nth, code: 'EIO' } as const
    const { failure } = await runPlan({
      durability: 'fsync',
      seed: 1,
      steps: [
        { type: 'fault', fault, from: 'start' },
        { type: 'createTopic', topic: 0 },
        settle,
        produce(0, 0, 2, 1),
        produce(0, 1, 2, 1),
        settle,
        { type: 'deleteTopic', topic: 0 },
        settle,
        { type: 'createTopic', topic: 0 },
        settle,
        { type: 'crash', kind: 'nothing', at: { share: 1 }, torn: 0, seed: 1 }
      ]
    })
    expect([nth, failure]).toEqual([nth, null])
  }
})

test('no partition is moved aside when the metadata log could not be synced at a start', async () => {
  for (let nth = 1; nth < 4; nth++) {
    const fault = { id: 'fault', call: 'datasync', nth, code: 'EIO' } as const
    const crash = { type: 'crash', at: { share: 1 }, torn: 0, seed: 1 } as const
    const { failure } = await runPlan({
      durability: 'fsync',
      seed: 1,
      steps: [
        { type: 'createTopic', topic: 0 },
        settle,
        produce(0, 0, 2, 1),
        settle,
        { ...crash, kind: 'nothing' },
        { type: 'fault', fault, from: 'start' },
        { ...crash, kind: 'everything' }
      ]
    })
    expect([nth, failure]).toEqual([nth, null])
  }
})

test('a snapshot that finds no room, and that cannot be removed then, is a failed disk', async () => {
  const noRoom = { id: 'room', call: 'resize', nth: 1, code: 'ENOSPC' } as const
  const fault = { id: 'fault', call: 'remove', nth: 1, code: 'EIO', matches: 'orders-0' } as const
  const { failure } = await runPlan({
    durability: 'os',
    seed: 1,
    steps: [
      { type: 'createTopic', topic: 0 },
      { type: 'newProducer', producer: 0 },
      settle,
      produce(0, 0, 0, 3),
      { type: 'fault', fault, from: 'now' },
      { type: 'fault', fault: noRoom, from: 'now' },
      { type: 'deleteRecords', topic: 0, partition: 0, share: 0.6 },
      settle
    ]
  })
  expect(failure).toBeNull()
})
