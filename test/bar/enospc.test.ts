import { expect, test } from 'vitest'
import { isGood, runEnospc } from '../../scripts/bar/enospc.ts'

// A few cycles on a small disk, one for each way to make room; `npm run bar -- enospc` is the long
// form.

/** The long form asks for less; here it only has to come, on any machine. */
const resumeMsLimit = 60_000

for (const inMemory of [false, true]) {
  const kind = inMemory ? 'files in memory' : 'a file system of its own, where one can be mounted'
  test(`a full disk refuses records and loses none, and takes more when there is room: ${kind}`, async () => {
    const outcome = await runEnospc({ cycles: 3, seed: 4, inMemory, resumeMsLimit })
    expect(outcome).toMatchObject({ cycles: 3, lost: 0, duplicated: 0, reordered: 0, faults: [] })
    expect(outcome.startsWhenFull).toBeGreaterThan(0)
    expect(isGood(outcome)).toBe(true)
  })
}
