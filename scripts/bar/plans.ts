import { readFileSync, writeFileSync } from 'node:fs'
import { WrongOption } from '../wrong-option.ts'
import type { FailedPlan } from '../../test/sim/crash-search.ts'
import { readPlan, runPlan, type Plan } from '../../test/sim/plan.ts'
import { shrink } from '../../test/sim/shrink.ts'

/** Plans that are tried to make a failing one smaller. */
const shrinkRunsMax = 400

/** Writes down a smaller plan that fails in the same way. */
export async function keepPlan({ place, failure, plan }: FailedPlan, file: string): Promise<void> {
  const shrunk = await shrink(plan, failure, shrinkRunsMax)
  writeFileSync(file, `${JSON.stringify(shrunk.plan, null, 2)}\n`)
  console.log(`${place}: ${shrunk.failure.message}; ${shrunk.plan.steps.length} steps in ${file}`)
}

/**
 * Does a plan again that was written down; resolves with the exit code.
 *
 * @throws WrongOption when the file cannot be read, or holds no plan
 */
export async function replayPlan(bar: string, file: string): Promise<number> {
  const { failure, trace } = await runPlan(planIn(file))
  console.log(`${bar} replay ${trace}: ${failure === null ? 'nothing found' : failure.message}`)
  return failure === null ? 0 : 1
}

function planIn(file: string): Plan {
  try {
    return readPlan(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new WrongOption(`--replay takes the plan of a failure: ${String(error)}`)
  }
}
