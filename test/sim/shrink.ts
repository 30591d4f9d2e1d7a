import { runPlan, type Plan, type PlanFailure } from './plan.ts'

export interface Shrunk {
  readonly plan: Plan
  readonly failure: PlanFailure
  /** Plans that were tried. */
  readonly runs: number
}

/**
 * Makes a failing plan smaller: leaves out ever smaller pieces of its steps as long as it fails in
 * the same way (delta debugging).
 *
 * @param failure of `plan`
 * @param runsMax plans that are tried, at most
 */
export async function shrink(plan: Plan, failure: PlanFailure, runsMax: number): Promise<Shrunk> {
  // What comes behind the failing step was never done.
  let smallest = { ...plan, steps: plan.steps.slice(0, failure.step + 1) }
  let known = failure
  let runs = 0
  let size = Math.ceil(smallest.steps.length / 2)
  while (size >= 1 && runs < runsMax) {
    let hasShrunk = false
    for (let from = smallest.steps.length - size; from > -size && runs < runsMax; from -= size) {
      const steps = smallest.steps.toSpliced(Math.max(from, 0), size + Math.min(from, 0))
      const outcome = await runPlan({ ...smallest, steps })
      runs++
      if (outcome.failure?.kind !== failure.kind) continue
      smallest = { ...smallest, steps: steps.slice(0, outcome.failure.step + 1) }
      known = outcome.failure
      hasShrunk = true
    }
    if (size === 1 && !hasShrunk) break
    size = hasShrunk && size === 1 ? 1 : Math.floor(size / 2)
  }
  return { plan: smallest, failure: known, runs }
}
