import { expect, test } from 'vitest'
import { faultCanaries } from './fault-canaries.ts'
import { enumerateFaults } from './fault-search.ts'

// The short form of `npm run bar -- faults`.

test('a disk that refuses a call loses nothing acknowledged', async () => {
  const found = await enumerateFaults({ seed: 1, stride: 101, offset: 5, failuresMax: 3 })
  const told = found.failures.map(({ place, failure, plan }) => [
    place,
    failure,
    JSON.stringify(plan)
  ])
  expect(told).toEqual([])
  expect(found.points).toBeGreaterThan(20)
  expect(found.starts).toBeGreaterThan(found.points)
})

for (const { name } of faultCanaries) {
  test(`a planted bug is found: ${name}`, async () => {
    const options = { seed: 1, stride: 8, offset: 0, failuresMax: 1 }
    const found = await enumerateFaults({ ...options, canary: name })
    expect(found.failures).toHaveLength(1)
  })
}
