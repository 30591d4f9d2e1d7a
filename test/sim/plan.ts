import { canaries } from './canaries.ts'
import { faultCanaries, startFaultCanaries } from './fault-canaries.ts'
import { PlaneRun, type RunCounts, type RunOptions, type RunStep } from './plane-run.ts'
import { heedingRejections } from './rejections.ts'
import { Violation } from './violation.ts'

/** A run that can be written down and done again, step by step. */
export interface Plan {
  readonly durability: 'os' | 'fsync'
  readonly seed: number
  /** The name of a planted bug. */
  readonly canary?: string
  readonly steps: readonly RunStep[]
}

/** A plan that was written as JSON by us: nothing else is looked for. */
export function readPlan(text: string): Plan {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is ours
  return JSON.parse(text) as Plan
}

/** What a broker did that it must not do. */
export interface PlanFailure {
  /** The kind of a violation, or the name of an error of the broker's own. */
  readonly kind: string
  readonly message: string
  /** Which step brought it up; as many as there are: the start after the last one. */
  readonly step: number
}

export interface PlanOutcome {
  readonly failure: PlanFailure | null
  readonly counts: RunCounts
  /** The same for the same plan, always. */
  readonly trace: string
}

/** Does a plan, and starts the broker on what it has left. */
export async function runPlan(plan: Plan): Promise<PlanOutcome> {
  const run = new PlaneRun({ ...runOptions(plan), isTraced: true })
  const failure = await runSteps(run, plan.steps)
  return { failure, counts: run.counts, trace: run.trace }
}

/**
 * Does the steps, and starts the broker on what they have left.
 *
 * @returns what went wrong, its step counted from the first of these
 */
export async function runSteps(
  run: PlaneRun,
  steps: readonly RunStep[]
): Promise<PlanFailure | null> {
  let step = 0
  try {
    await heedingRejections(async () => {
      for (const each of steps) {
        await run.do(each)
        step++
      }
      await run.start()
    })
    return null
  } catch (error) {
    return { ...failureOf(error), step }
  }
}

export function runOptions({ durability, seed, canary }: Omit<Plan, 'steps'>): RunOptions {
  const all = [...canaries, ...faultCanaries, ...startFaultCanaries]
  const planted = all.find(({ name }) => name === canary)
  if (canary !== undefined && planted === undefined) {
    throw new Error(`there is no planted bug ${canary}`)
  }
  return { durability, seed, ...(planted === undefined ? {} : { plant: planted }) }
}

/** @throws what is not an error */
export function failureOf(error: unknown): Omit<PlanFailure, 'step'> {
  if (!(error instanceof Error)) throw error
  const kind = error instanceof Violation ? error.kind : error.name
  return { kind, message: error.message }
}
