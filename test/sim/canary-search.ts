import { enumerateCrashes, nothingFound } from './crash-search.ts'
import { randomPlan } from './history.ts'
import { runPlan, type Plan, type PlanFailure } from './plan.ts'
import { lossProfiles } from './power-loss.ts'

export interface Caught {
  readonly canary: string
  /** Null: not found. */
  readonly failure: PlanFailure | null
  readonly plan: Plan | null
  /** How many it took. */
  readonly crashes: number
}

/** Random histories that are tried for each part of the enumeration. */
const historiesPerPart = 5
/** In how many parts the enumeration is made, each with crashes from everywhere in the script. */
const partCount = 64

/**
 * Looks for a planted bug as is done for others: with random histories, and with crashes
 * everywhere in the script. No check knows of the bug.
 */
export async function searchCanary(canary: string, seed: number): Promise<Caught> {
  let crashes = 0
  for (let part = 0; part < partCount; part++) {
    for (let count = 0; count < historiesPerPart; count++) {
      const plan = randomPlan('fsync', seed + part * historiesPerPart + count, canary)
      const { failure, counts } = await runPlan(plan)
      crashes += counts.crashes
      if (failure !== null) return { canary, failure, plan, crashes }
    }
    const found = await enumeratePart(canary, seed, part)
    crashes += found.points
    const [first] = found.failures
    if (first !== undefined) return { canary, failure: first.failure, plan: first.plan, crashes }
  }
  return { canary, failure: null, plan: null, crashes }
}

/** A planted bug may keep the script from being lived at all: the histories will tell. */
async function enumeratePart(
  canary: string,
  seed: number,
  offset: number
): ReturnType<typeof enumerateCrashes> {
  try {
    return await enumerateCrashes({
      durability: 'fsync',
      seed,
      canary,
      stride: partCount,
      offset,
      failuresMax: 1,
      kinds: ['process', ...lossProfiles]
    })
  } catch {
    return nothingFound()
  }
}
