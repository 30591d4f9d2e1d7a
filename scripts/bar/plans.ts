import { readFileSync, writeFileSync } from 'node:fs'
import type { FailedPlan } from '../../test/sim/crash-search.ts'
import { readPlan, runPlan } from '../../test/sim/plan.ts'
import { shrink } from '../../test/sim/shrink.ts'

/** Plans that are tried to make a failing one smaller. */
const shrinkRunsMax = 400

/** Writes down a smaller plan that fails in the same way. */
export async function keepPlan({ place, failure, plan }: FailedPlan, file: string): Promise<void> {
  const shrunk = await shrink(plan, failure, shrinkRunsMax)
  writeFileSync(file, `${JSON.stringify(shrunk.plan, null, 2)}\n`)
  console.log(`${place}: ${shrunk.failure.message}; ${shrunk.plan.steps.length} steps in ${file}`)
}

/** Does a plan again that was written down; resolves with the exit code. */
export async function replayPlan(bar: string, file: string): Promise<number> {
  const { failure, trace } = await runPlan(readPlan(readFileSync(file, 'utf8')))
  console.log(`${bar} replay ${trace}: ${failure === null ? 'nothing found' : failure.message}`)
  return failure === null ? 0 : 1
}
