import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isGood, runKills } from '../../scripts/bar/kill.ts'

// A few kills of the real process; `npm run bar -- kill` is the long form.

const timeoutMs = 300_000

for (const durability of ['os', 'fsync'] as const) {
  test(
    `a broker in the mode ${durability} that is killed under load keeps what it acknowledged`,
    async () => {
      const outcome = await runKills({ kills: 5, durability, seed: 11, checkEvery: 5 })
      expect(outcome).toMatchObject({ kills: 5, lost: 0, duplicated: 0, reordered: 0 })
      expect(isGood(outcome)).toBe(true)
    },
    timeoutMs
  )
}

/** Cuts a log in half. */
function plant(directory: string): void {
  const folder = join(directory, 'orders-0')
  const log = readdirSync(folder).find(name => name.endsWith('.log'))
  const path = join(folder, log!)
  truncateSync(path, Math.floor(statSync(path).size / 2))
}

test(
  'a log that somebody has cut is reported as a loss',
  async () => {
    const outcome = await runKills({ kills: 2, durability: 'os', seed: 3, checkEvery: 2, plant })
    expect(outcome.lost).toBeGreaterThan(0)
    expect(isGood(outcome)).toBe(false)
  },
  timeoutMs
)
