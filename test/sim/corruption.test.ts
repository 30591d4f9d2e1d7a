import { describe, expect, test } from 'vitest'
import { CorruptionBench, failures, randomFlips, type Verdict } from './corruption.ts'
import type { Ending } from './corruption-filling.ts'

// The short form of `npm run bar -- corruption`.

const flipCount = 150

describe('a flipped bit is told of', () => {
  for (const ending of ['stop', 'crash'] satisfies Ending[]) {
    test(`in any file that a ${ending} leaves`, async () => {
      const bench = await CorruptionBench.make(ending, 1)
      expect(bench.usualLines.map(line => /"fault":"(\w+)"/.exec(line)?.[1])).toEqual([
        'LEFTOVER',
        'STRAY'
      ])
      const counts = new Map<Verdict, number>()
      const bad: unknown[] = []
      for (const flip of randomFlips(bench.disk, flipCount, 1)) {
        const judged = await bench.judge(flip)
        counts.set(judged.verdict, (counts.get(judged.verdict) ?? 0) + 1)
        if (failures.some(each => each === judged.verdict)) bad.push(judged)
      }
      expect(bad).toEqual([])
      for (const verdict of ['answer', 'start', 'scrub', 'verify'] as const) {
        expect([verdict, counts.get(verdict) ?? 0]).not.toEqual([verdict, 0])
      }
      expect(counts.get('pointless') ?? 0).toBeLessThan(flipCount / 15)
    })
  }
})
