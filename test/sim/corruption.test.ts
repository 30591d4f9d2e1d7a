import { describe, expect, test } from 'vitest'
import { CorruptionBench, randomFlips, type Ending, type Verdict } from './corruption.ts'

// The short form of `npm run bar -- corruption`.

const flipCount = 250

describe('a flipped bit is told of, or means nothing', () => {
  for (const ending of ['stop', 'crash'] satisfies Ending[]) {
    test(`in any file that a ${ending} leaves`, { timeout: 60_000 }, async () => {
      const bench = await CorruptionBench.make(ending, 1)
      const counts = new Map<Verdict, number>()
      const bad: unknown[] = []
      for (const flip of randomFlips(bench.disk, flipCount, 1)) {
        const judged = await bench.judge(flip)
        counts.set(judged.verdict, (counts.get(judged.verdict) ?? 0) + 1)
        if (!['reported', 'without effect'].includes(judged.verdict)) bad.push(judged)
      }
      expect(bad).toEqual([])
      expect(counts.get('reported')).toBeGreaterThan(flipCount / 4)
    })
  }
})
