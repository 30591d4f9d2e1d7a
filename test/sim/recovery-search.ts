import {
  crashPoints,
  crashStep,
  liveScript,
  nothingFound,
  placeOf,
  scriptUpTo,
  type Found
} from './crash-search.ts'
import { Draws } from './draws.ts'
import type { Crash, CrashKind } from './life.ts'
import { failureOf, runOptions, type Plan } from './plan.ts'
import { PlaneRun, type CrashStep, type Lived } from './plane-run.ts'
import { lossProfiles } from './power-loss.ts'

export interface RecoverySearchOptions extends Omit<Plan, 'steps'> {
  /** Crashes whose recovery is ended; they are drawn from all of those of the script. */
  readonly crashCount: number
  /** Failures after which the search ends. */
  readonly failuresMax: number
}

/**
 * Ends the scripted lives wherever it likes, and the start after that at every call of the disk: by
 * a kill, in the middle of each write as well, and by a power cut. Then looks at what the next
 * start makes of it.
 */
export async function enumerateRecoveries(options: RecoverySearchOptions): Promise<Found> {
  const { durability, seed, canary, crashCount, failuresMax } = options
  const planted = canary === undefined ? {} : { canary }
  const found = nothingFound()
  const runs = runOptions(options)
  const lives = await liveScript(runs)
  const draws = new Draws(seed)
  const points = [...crashPoints(lives, seed, ['process', ...lossProfiles])]
  for (let count = 0; count < crashCount; count++) {
    const point = draws.pick(points)
    const first = PlaneRun.after(lives[point.life]!, point.crash, runs)
    await first.start()
    const recovery = first.cut()
    for (const crash of crashesOf(recovery, draws)) {
      found.points++
      const run = PlaneRun.after(recovery, crash, runs)
      try {
        await run.start()
      } catch (error) {
        const steps = [...scriptUpTo(point.life), crashStep(point.crash), again(crash)]
        const failure = { ...failureOf(error), step: steps.length }
        const where = `before step ${crash.after}: ${recovery.life.describe(crash.after)}`
        const place = `${placeOf(lives, point)}, then ${crash.kind} ${crash.seed} ${where}`
        const plan = { durability, seed, ...planted, steps } as const
        found.failures.push({ place, failure, plan })
      }
      found.lost += run.counts.lost
      found.starts += run.counts.starts
      if (found.failures.length >= failuresMax) return found
    }
  }
  return found
}

/** At every moment a kill, in the middle of a write another one, and a power cut of any kind. */
function* crashesOf({ life }: Lived, draws: Draws): Iterable<Crash> {
  for (let after = 0; after <= life.now; after++) {
    const isWrite = life.ops[after]?.type === 'write'
    const ways: (readonly [CrashKind, number])[] = [
      ['process', 0],
      [draws.pick(lossProfiles), 0]
    ]
    if (isWrite) ways.push(['process', draws.pick([0.1, 0.5, 0.9])])
    for (const [kind, torn] of ways) yield { kind, after, torn, seed: draws.seed() }
  }
}

/** The same crash, of a start that nobody has ended in order. */
function again({ kind, after, torn, seed }: Crash): CrashStep {
  return { type: 'crash', kind, at: { after }, torn, seed }
}
