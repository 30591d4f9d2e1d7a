import { Draws } from './draws.ts'
import type { Crash, CrashKind } from './life.ts'
import { PlaneRun, type Lived, type RunOptions, type RunStep } from './plane-run.ts'
import { script } from './plane-script.ts'
import { isDrawn, lossProfiles } from './power-loss.ts'

/** A crash after which the broker did what it promised not to do. */
export interface Failure {
  /** Where, in words. */
  readonly place: string
  readonly error: Error
}

export interface Found {
  /** Crashes that were tried. */
  points: number
  /** Starts, of which some were cut off by another crash. */
  starts: number
  /** Acknowledged batches that the mode `os` has lost with the power, as it may. */
  lost: number
  readonly failures: Failure[]
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

/** One crash of one scripted life. */
export interface CrashPoint {
  readonly life: number
  readonly crash: Crash
}

/** How many different losses are tried at one moment, of a profile that draws them. */
const drawsPerMoment = 2

/** Every crash that is tried: at every moment of every life in every way. */
export function* crashPoints(lives: readonly Lived[], seed: number): Iterable<CrashPoint> {
  const draws = new Draws(seed)
  for (const [index, { life }] of lives.entries()) {
    for (let after = 0; after <= life.now; after++) {
      const at = (kind: CrashKind, torn: number): CrashPoint => {
        return { life: index, crash: { kind, after, torn, seed: draws.seed() } }
      }
      yield at('process', 0)
      if (life.ops[after]?.type === 'write') yield at('process', 0.5)
      for (const profile of lossProfiles) {
        const count = isDrawn(profile) ? drawsPerMoment : 1
        for (let draw = 0; draw < count; draw++) yield at(profile, 0)
      }
    }
  }
}

/** What comes after a crash: the state is read, used, and must be the same after another crash. */
const afterwards: readonly RunStep[] = [
  { type: 'retry', topic: 0, partition: 0, producer: 0, back: 0 },
  { type: 'produce', topic: 0, partition: 0, producer: 0, count: 1, valueSize: 10 },
  { type: 'produce', topic: 1, partition: 1, producer: 2, count: 1, valueSize: 10 },
  { type: 'commit', group: 1, topic: 0, partition: 0 },
  { type: 'settle' },
  { type: 'look' }
]

/**
 * Starts the broker after a crash; then again after it was killed as soon as it was ready; then
 * after a crash somewhere in all of that.
 *
 * @throws Violation
 */
export async function tryCrash(
  lives: readonly Lived[],
  { life, crash }: CrashPoint,
  options: RunOptions,
  isThorough: boolean
): Promise<PlaneRun> {
  const run = PlaneRun.after(lives[life]!, crash, options)
  await run.start()
  if (!isThorough) return run
  const draws = new Draws(crash.seed)
  await run.do({ type: 'crash', kind: 'process', share: 1, torn: 0, seed: draws.seed() })
  const kind = draws.pick<CrashKind>(['process', ...lossProfiles])
  for (const step of afterwards) await run.do(step)
  await run.do({ type: 'crash', kind, share: draws.below(100) / 100, torn: 0, seed: draws.seed() })
  return run
}

export interface EnumerationOptions extends RunOptions {
  /** Which crashes are tried: 1 all of them, 10 every tenth. */
  readonly stride: number
  /** Failures after which the search ends. */
  readonly failuresMax: number
  /** Only these ways to crash; all when left out. */
  readonly kinds?: readonly CrashKind[]
}

/** Ends the scripted lives at every moment, in every way. */
export async function enumerateCrashes(options: EnumerationOptions): Promise<Found> {
  const lives = await liveScript(options)
  const found: Found = { points: 0, starts: 0, lost: 0, failures: [] }
  let index = options.seed % options.stride
  for (const point of crashPoints(lives, options.seed)) {
    if (options.kinds !== undefined && !options.kinds.includes(point.crash.kind)) continue
    if (index++ % options.stride !== 0) continue
    found.points++
    try {
      const run = await tryCrash(lives, point, options, found.points % 8 === 0)
      found.lost += run.counts.lost
      found.starts += run.counts.starts
    } catch (error) {
      if (!(error instanceof Error)) throw error
      found.failures.push({ place: placeOf(lives, point), error })
      if (found.failures.length >= options.failuresMax) break
    }
  }
  return found
}

function placeOf(lives: readonly Lived[], { life, crash }: CrashPoint): string {
  const { kind, after, torn, seed } = crash
  const next = lives[life]!.life.describe(after)
  return `life ${life}, ${kind}${torn > 0 ? ' torn' : ''} ${seed} before step ${after}: ${next}`
}
