import { expect, test } from 'vitest'
import { runPlan } from './plan.ts'
import type { RunStep } from './plane-run.ts'

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
