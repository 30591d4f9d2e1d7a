import { expect, test } from 'vitest'
import type { Found } from './crash-search.ts'
import { faultCanaries, startFaultCanaries } from './fault-canaries.ts'
import { randomFaultPlan } from './fault-history.ts'
import { enumerateFaults } from './fault-search.ts'
import { readPlan, runPlan } from './plan.ts'
import { searchStartFaults } from './start-fault-search.ts'

// The short forms of `npm run bar -- faults`.

/** What stands in the output when something is found: a plan that does it again. */
function told({ failures }: Found): readonly unknown[] {
  return failures.map(({ place, failure, plan }) => [place, failure, JSON.stringify(plan)])
}

test('a disk that refuses a call loses nothing acknowledged', async () => {
  const found = await enumerateFaults({ seed: 1, stride: 101, offset: 5, failuresMax: 3 })
  expect(told(found)).toEqual([])
  expect(found.points).toBeGreaterThan(20)
  expect(found.starts).toBeGreaterThan(found.points)
})

test('nor does one that refuses it in the start after a crash', async () => {
  const options = { seed: 1, crashCount: 5, faultCount: 8, failuresMax: 3 }
  const found = await searchStartFaults(options)
  expect(told(found)).toEqual([])
  expect(found.points).toBe(40)
  expect(found.starts).toBeGreaterThan(found.points)
  expect(found.refusals).toBeGreaterThan(0)
})

for (const durability of ['fsync', 'os'] as const) {
  test(`random histories with faults break no promise of the mode ${durability}`, async () => {
    let faultCount = 0
    for (let seed = 0; seed < 8; seed++) {
      const plan = randomFaultPlan(durability, seed)
      const { failure, counts } = await runPlan(plan)
      expect([failure, failure && JSON.stringify(plan)]).toEqual([null, null])
      faultCount += counts.faults
    }
    expect(faultCount).toBeGreaterThan(8)
  })
}

test('a history with faults is the same when it was written down', async () => {
  const plan = randomFaultPlan('fsync', 3)
  const first = await runPlan(plan)
  expect(first.counts.faults).toBeGreaterThan(0)
  expect(await runPlan(readPlan(JSON.stringify(plan)))).toEqual(first)
})

for (const { name } of faultCanaries) {
  test(`a planted bug is found: ${name}`, async () => {
    const options = { seed: 1, stride: 8, offset: 0, failuresMax: 1 }
    const found = await enumerateFaults({ ...options, canary: name })
    expect(found.failures).toHaveLength(1)
  })
}

for (const { name } of startFaultCanaries) {
  test(`a planted bug is found: ${name}`, async () => {
    const options = { seed: 4, crashCount: 150, faultCount: 20, failuresMax: 1 }
    const found = await searchStartFaults({ ...options, canary: name })
    expect(found.failures).toHaveLength(1)
  })
}
