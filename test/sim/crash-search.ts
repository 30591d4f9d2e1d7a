import { Draws } from './draws.ts'
import type { Crash, CrashKind } from './life.ts'
import { failureOf, runOptions, type Plan, type PlanFailure } from './plan.ts'
import { PlaneRun, type CrashStep, type Lived, type RunOptions, type RunStep } from './plane-run.ts'
import { script } from './plane-script.ts'
import { isDrawn, lossProfiles } from './power-loss.ts'

/** A run after which the broker did what it promised not to do. */
export interface FailedPlan {
  /** Where, in words. */
  readonly place: string
  readonly failure: PlanFailure
  /** Does the same again. */
  readonly plan: Plan
}

export interface Found {
  /** Crashes, or faults, that were tried. */
  points: number
  /** Starts that were looked at whole. */
  starts: number
  /** Starts that a fault of the disk has prevented. */
  refusals: number
  /** Acknowledged batches that the mode `os` has lost with the power, as it may. */
  lost: number
  readonly failures: FailedPlan[]
}

export function nothingFound(): Found {
  return { points: 0, starts: 0, refusals: 0, lost: 0, failures: [] }
}

/** Lives the scripted lives to their ends. */
export async function liveScript(options: RunOptions): Promise<readonly Lived[]> {
  const run = new PlaneRun(options)
  const lives: Lived[] = []
  for (const steps of script) {
    await run.start()
    for (const step of steps) await run.do(step)
    lives.push(await run.stop())
  }
  return lives
}

/** One crash of one scripted life, and what is done after it. */
export interface CrashPoint {
  readonly life: number
  readonly crash: Crash
  readonly afterwards: readonly RunStep[]
}

/** How many different losses are tried at one moment, of a profile that draws them. */
const drawsPerMoment = 2
/** Of so many crashes one is followed by more. */
const afterwardsInterval = 8

/** Every crash that is tried: at every moment of every life in every way. */
export function* crashPoints(
  lives: readonly Lived[],
  seed: number,
  kinds: readonly CrashKind[]
): Iterable<CrashPoint> {
  const draws = new Draws(seed)
  let count = 0
  for (const [index, { life }] of lives.entries()) {
    for (let after = 0; after <= life.now; after++) {
      for (const [kind, torn] of ways(life.ops[after]?.type === 'write')) {
        const crash = { kind, after, torn, seed: draws.seed() }
        if (!kinds.includes(kind)) continue
        const isFollowed = ++count % afterwardsInterval === 0
        yield {
          life: index,
          crash,
          afterwards: isFollowed ? afterwards(new Draws(crash.seed)) : []
        }
      }
    }
  }
}

/** Every way in which a life can end, and how much of the write that is to come is done then. */
function ways(isWrite: boolean): readonly (readonly [kind: CrashKind, torn: number])[] {
  const torn = isWrite ? ([['process', 0.5]] as const) : []
  const lossy = lossProfiles.flatMap(profile =>
    Array.from({ length: isDrawn(profile) ? drawsPerMoment : 1 }, () => [profile, 0] as const)
  )
  return [['process', 0], ...torn, ...lossy]
}

/**
 * What comes after a crash: the broker is killed as soon as it is ready, then its state is used,
 * and must be the same after another crash somewhere in all of that.
 */
function afterwards(draws: Draws): readonly RunStep[] {
  const kind = draws.pick<CrashKind>(['process', ...lossProfiles])
  const share = draws.below(100) / 100
  return [
    { type: 'crash', kind: 'process', at: { share: 1 }, torn: 0, seed: draws.seed() },
    { type: 'retry', topic: 0, partition: 0, producer: 0, back: 0 },
    { type: 'retry', topic: 1, partition: 0, producer: 0, back: 1 },
    { type: 'produce', topic: 0, partition: 0, producer: 0, count: 1, valueSize: 10 },
    { type: 'produce', topic: 1, partition: 1, producer: 2, count: 1, valueSize: 10 },
    { type: 'commit', group: 1, topic: 0, partition: 0 },
    { type: 'settle' },
    { type: 'look' },
    { type: 'crash', kind, at: { share }, torn: 0, seed: draws.seed() }
  ]
}

/** The scripted lives before `life`, and that one without its end. */
export function scriptUpTo(life: number): readonly RunStep[] {
  const before = script.slice(0, life).flatMap(steps => [...steps, { type: 'stop' } as const])
  return [...before, ...script[life]!]
}

export interface EnumerationOptions extends Omit<Plan, 'steps'> {
  /** Which crashes are tried: 1 all of them, 10 every tenth. */
  readonly stride: number
  /** The first of them, below `stride`. */
  readonly offset: number
  /** Failures after which the search ends. */
  readonly failuresMax: number
  readonly kinds: readonly CrashKind[]
}

/** Ends the scripted lives at every moment, in every way. */
export async function enumerateCrashes(options: EnumerationOptions): Promise<Found> {
  const { durability, seed, canary, stride, offset, failuresMax, kinds } = options
  const planted = canary === undefined ? {} : { canary }
  const found = nothingFound()
  const runs = runOptions(options)
  const lives = await liveScript(runs)
  let index = -offset
  for (const point of crashPoints(lives, seed, kinds)) {
    if (index++ % stride !== 0) continue
    found.points++
    const run = PlaneRun.after(lives[point.life]!, point.crash, runs)
    let step = 0
    try {
      await run.start()
      for (const each of point.afterwards) {
        await run.do(each)
        step++
      }
      await run.start()
    } catch (error) {
      const before = [...scriptUpTo(point.life), crashStep(point.crash)]
      const plan = { durability, seed, ...planted, steps: [...before, ...point.afterwards] }
      const failure = { ...failureOf(error), step: before.length + step }
      found.failures.push({ place: placeOf(lives, point), failure, plan })
    }
    found.lost += run.counts.lost
    found.starts += run.counts.starts
    if (found.failures.length >= failuresMax) break
  }
  return found
}

/** A crash of a scripted life, as a step. */
export function crashStep({ kind, after, torn, seed }: Crash): CrashStep {
  return { type: 'crash', kind, at: { after }, isClosing: true, torn, seed }
}

/** Where a crash is, in words. */
export function placeOf(lives: readonly Lived[], { life, crash }: CrashPoint): string {
  const { kind, after, torn, seed } = crash
  const next = lives[life]!.life.describe(after)
  return `life ${life}, ${kind}${torn > 0 ? ' torn' : ''} ${seed} before step ${after}: ${next}`
}
