import { describe, expect, test } from 'vitest'
import { canaries } from './canaries.ts'
import { searchCanary } from './canary-search.ts'
import { enumerateCrashes, type Found } from './crash-search.ts'
import { randomPlan } from './history.ts'
import { readPlan, runPlan } from './plan.ts'
import { lossProfiles } from './power-loss.ts'
import { enumerateRecoveries } from './recovery-search.ts'
import { shrink } from './shrink.ts'

// The short forms of `npm run bar -- crash`.

/** What stands in the output when something is found: a plan that does it again. */
function told({ failures }: Found): readonly unknown[] {
  return failures.map(({ place, failure, plan }) => [place, failure, JSON.stringify(plan)])
}

describe('a life that ends at any call of the disk', () => {
  const some = { seed: 1, stride: 61, offset: 7, failuresMax: 3 } as const

  test('loses nothing acknowledged in the mode fsync, however it ends', async () => {
    const kinds = ['process', ...lossProfiles] as const
    const found = await enumerateCrashes({ ...some, durability: 'fsync', kinds })
    expect(told(found)).toEqual([])
    expect(found.lost).toBe(0)
    expect(found.points).toBeGreaterThan(100)
  })

  test('loses nothing acknowledged in the mode os when the process dies', async () => {
    const found = await enumerateCrashes({
      ...some,
      stride: 23,
      durability: 'os',
      kinds: ['process']
    })
    expect(told(found)).toEqual([])
    expect(found.points).toBeGreaterThan(30)
  })

  test('loses something in the mode os when the power is cut: the check can see it', async () => {
    const found = await enumerateCrashes({ ...some, durability: 'os', kinds: lossProfiles })
    expect(told(found)).toEqual([])
    expect(found.lost).toBeGreaterThan(0)
  })
})

describe('a start after a crash that ends at any call of the disk', () => {
  for (const durability of ['fsync', 'os'] as const) {
    test(`leaves everything to the next one in the mode ${durability}`, async () => {
      const found = await enumerateRecoveries({
        durability,
        seed: 1,
        crashCount: 2,
        failuresMax: 3
      })
      expect(told(found)).toEqual([])
      expect(found.points).toBeGreaterThan(100)
    })
  }
})

describe('random histories of clients and crashes', () => {
  for (const durability of ['fsync', 'os'] as const) {
    test(`break no promise of the mode ${durability}`, async () => {
      for (let seed = 0; seed < 12; seed++) {
        const plan = randomPlan(durability, seed)
        const { failure } = await runPlan(plan)
        expect([failure, failure && JSON.stringify(plan)]).toEqual([null, null])
      }
    })
  }

  test('are the same every time', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [
        await runPlan(randomPlan('fsync', seed)),
        await runPlan(randomPlan('fsync', seed))
      ]
      expect(second).toEqual(first)
      expect(first.trace).not.toBe((await runPlan(randomPlan('fsync', seed + 10))).trace)
    }
  })
})

describe('a planted bug is found', () => {
  for (const { name } of canaries) {
    test(name, async () => {
      const { failure, plan } = await searchCanary(name, 3000)
      expect(failure).not.toBeNull()
      const again = await runPlan(plan!)
      expect(again.failure).toMatchObject({ kind: failure!.kind, message: failure!.message })
    })
  }

  test('and told by a plan of few steps, which does it again when it was written down', async () => {
    const { failure, plan } = await searchCanary('a deleted topic is not noted', 1)
    const shrunk = await shrink(plan!, failure!, 200)
    expect(shrunk.plan.steps.length).toBeLessThan(8)
    const read = readPlan(JSON.stringify(shrunk.plan))
    expect((await runPlan(read)).failure).toEqual(shrunk.failure)
    expect((await runPlan({ ...read, canary: canaries[0]!.name })).failure).not.toEqual(
      shrunk.failure
    )
  })
})
