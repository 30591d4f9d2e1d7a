import type { FaultyCall } from './disk-faults.ts'
import { mayStop } from './disk-faults.ts'
import { Draws } from './draws.ts'
import { nothingFound, scriptUpTo, type Found } from './crash-search.ts'
import { afterwards } from './fault-endings.ts'
import { callFaults } from './fault-ways.ts'
import { runOptions, runSteps, type Plan } from './plan.ts'
import type { Crash } from './life.ts'
import { PlaneRun, type Lived, type RunStep } from './plane-run.ts'
import { script } from './plane-script.ts'

/** A scripted life, and what it asked of the disk when nothing was refused. */
interface Script {
  /** The end of the life before; null for the first one. */
  readonly before: Lived | null
  readonly calls: readonly { readonly call: FaultyCall; readonly path: string }[]
  /** Bytes by which the files have grown. */
  readonly growth: number
}

/** One thing that goes wrong in one scripted life. */
interface FaultPoint {
  readonly life: number
  /** In words. */
  readonly what: string
  /** The life, with what goes wrong in it. */
  readonly steps: readonly RunStep[]
}

export interface FaultSearchOptions extends Pick<Plan, 'seed' | 'canary'> {
  /** Which faults are tried: 1 all of them, 10 every tenth. */
  readonly stride: number
  /** The first of them, below `stride`. */
  readonly offset: number
  /** Failures after which the search ends. */
  readonly failuresMax: number
}

const durability = 'fsync'

/**
 * Lives the scripted lives again and again, each time with something else that the disk refuses,
 * ends them, and looks at what the next life finds on a disk that works.
 */
export async function enumerateFaults(options: FaultSearchOptions): Promise<Found> {
  const { seed, canary, stride, offset, failuresMax } = options
  const planted = canary === undefined ? {} : { canary }
  const found = nothingFound()
  const runs = runOptions({ durability, ...options })
  const scripts = await livedScripts(seed)
  let index = -offset
  for (const point of faultPoints(scripts, seed)) {
    if (index++ % stride !== 0) continue
    found.points++
    const { before } = scripts[point.life]!
    const run =
      before === null ? new PlaneRun(runs) : PlaneRun.after(before, endOf(before, seed), runs)
    const earlierSteps = before === null ? [] : stepsBefore(point.life, before, seed)
    const failed = await runSteps(run, point.steps)
    if (failed !== null) {
      const steps = [...earlierSteps, ...point.steps]
      const plan = { durability, seed, ...planted, steps } as const
      const failure = { ...failed, step: earlierSteps.length + failed.step }
      found.failures.push({ place: `life ${point.life}, ${point.what}`, failure, plan })
    }
    found.starts += run.counts.starts
    found.refusals += run.counts.refusals
    if (found.failures.length >= failuresMax) break
  }
  return found
}

/** A stop in order. What is drawn after it is something else than what was drawn before. */
function endOf({ life }: Lived, seed: number): Crash {
  return { kind: 'process', after: life.now, torn: 0, seed: seed + 1_000_003 + life.now }
}

/** The steps that lead to the beginning of a scripted life. */
function stepsBefore(life: number, before: Lived, seed: number): readonly RunStep[] {
  const { after, ...crash } = endOf(before, seed)
  const end = { type: 'crash', ...crash, at: { after }, isClosing: true } as const
  return [...scriptUpTo(life - 1), end]
}

/** Each scripted life as it goes when nothing is refused. */
async function livedScripts(seed: number): Promise<readonly Script[]> {
  const options = runOptions({ durability, seed })
  const scripts: Script[] = []
  let before: Lived | null = null
  const whole = new PlaneRun(options)
  for (const steps of script) {
    const run: PlaneRun =
      before === null ? new PlaneRun(options) : PlaneRun.after(before, endOf(before, seed), options)
    await run.start()
    const { files } = run.world!.life
    const used = files.usedSize()
    for (const step of steps) await run.do(step)
    const growth = files.usedSize() - used
    await run.stop()
    scripts.push({ before, calls: files.faults.calls, growth })
    await whole.start()
    for (const step of steps) await whole.do(step)
    before = await whole.stop()
  }
  return scripts
}

/** Every call of every life, refused in every way; then disks that get full. */
function* faultPoints(scripts: readonly Script[], seed: number): Iterable<FaultPoint> {
  const draws = new Draws(seed)
  for (const [life, { calls, growth }] of scripts.entries()) {
    for (const { fault, what } of callFaults(calls)) {
      const from = { type: 'fault', fault, from: 'start' } as const
      const isOver = fault.lasts !== true && !mayStop(fault)
      const served = isOver ? ([{ type: 'serve' }] as const) : []
      yield { life, what, steps: [from, ...script[life]!, ...served, ...afterwards(draws)] }
    }
    yield* fullDisks(life, growth, draws)
  }
}

/** How many disks of different sizes get full in a life. */
const fullDiskCount = 40

function* fullDisks(life: number, growth: number, draws: Draws): Iterable<FaultPoint> {
  const steps = script[life]!
  for (let count = 0; count < fullDiskCount; count++) {
    const size = Math.floor((growth * count) / fullDiskCount)
    const from = draws.below(steps.length)
    const to = from + draws.below(steps.length - from + 1)
    yield {
      life,
      what: `room for ${size} bytes from step ${from} to ${to}`,
      steps: [
        ...steps.slice(0, from),
        { type: 'room', size },
        ...steps.slice(from, to),
        { type: 'room', size: null },
        { type: 'serve' },
        ...steps.slice(to),
        ...afterwards(draws)
      ]
    }
  }
}
