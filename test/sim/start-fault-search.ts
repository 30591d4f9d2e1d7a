import { mayStop } from './disk-faults.ts'
import { Draws } from './draws.ts'
import {
  crashPoints,
  crashStep,
  liveScript,
  nothingFound,
  placeOf,
  scriptUpTo,
  type CrashPoint,
  type Found
} from './crash-search.ts'
import { afterwards } from './fault-endings.ts'
import { callFaults, type CallFault } from './fault-ways.ts'
import { runOptions, runSteps, type Plan } from './plan.ts'
import { PlaneRun, type Lived, type RunOptions, type RunStep } from './plane-run.ts'
import { lossProfiles } from './power-loss.ts'

export interface StartFaultOptions extends Pick<Plan, 'seed' | 'canary'> {
  /** Crashes after which the start meets faults; they are drawn from all of those of the script. */
  readonly crashCount: number
  /** Faults that are tried in each of these starts. */
  readonly faultCount: number
  /** Failures after which the search ends. */
  readonly failuresMax: number
}

const durability = 'fsync'

/**
 * Ends the scripted lives wherever it likes, by kills and power cuts, and lets the disk refuse a
 * call of the start after that, which may end the same way; then looks at what the next start finds
 * on a disk that works.
 */
export async function searchStartFaults(options: StartFaultOptions): Promise<Found> {
  const { seed, canary, crashCount, faultCount, failuresMax } = options
  const planted = canary === undefined ? {} : { canary }
  const found = nothingFound()
  const runs = runOptions({ durability, seed, ...planted })
  const lives = await liveScript(runOptions({ durability, seed }))
  const draws = new Draws(seed)
  for (const point of drawn([...crashPoints(lives, seed, kinds)], crashCount, draws)) {
    const { crash } = point
    const lived = lives[point.life]!
    const faults = byCall(callFaults(await callsOfStart(lived, point, runs)))
    for (const ofOneCall of drawn(faults, faultCount, draws)) {
      const { fault, what } = draws.pick(ofOneCall)
      const steps = startSteps(fault, draws)
      found.points++
      const run = PlaneRun.after(lived, crash, runs)
      const failed = await runSteps(run, steps)
      if (failed !== null) {
        const before = [...scriptUpTo(point.life), crashStep(crash)]
        const plan = { durability, seed, ...planted, steps: [...before, ...steps] } as const
        const failure = { ...failed, step: before.length + failed.step }
        found.failures.push({ place: `${placeOf(lives, point)}, then ${what}`, failure, plan })
      }
      found.starts += run.counts.starts
      found.refusals += run.counts.refusals
      if (found.failures.length >= failuresMax) return found
    }
  }
  return found
}

const kinds = ['process', ...lossProfiles] as const

/** So many of the list, in its order of drawing; one may come twice. */
function drawn<T>(list: readonly T[], count: number, draws: Draws): readonly T[] {
  return Array.from({ length: list.length === 0 ? 0 : count }, () => draws.pick(list))
}

/** Of calls that are rare as many are drawn as of those that are not. */
function byCall(faults: Iterable<CallFault>): readonly (readonly CallFault[])[] {
  const groups = new Map<string, CallFault[]>()
  for (const each of faults) {
    const group = groups.get(each.fault.call)
    if (group === undefined) groups.set(each.fault.call, [each])
    else group.push(each)
  }
  return [...groups.values()]
}

/** What a start after a crash asks of a disk that works. */
async function callsOfStart(
  lived: Lived,
  { crash }: CrashPoint,
  options: RunOptions
): Promise<Lived['life']['files']['faults']['calls']> {
  const run = PlaneRun.after(lived, crash, options)
  await run.start()
  return run.cut().life.files.faults.calls
}

/** A start with a fault, what clients do if there is a broker then, and what comes after it. */
function startSteps(fault: CallFault['fault'], draws: Draws): readonly RunStep[] {
  const isOver = fault.lasts !== true && !mayStop(fault)
  const used: readonly RunStep[] = [
    { type: 'produce', topic: 0, partition: 0, producer: 0, count: 2, valueSize: 60 },
    { type: 'produce', topic: 1, partition: 1, producer: 2, count: 1, valueSize: 60 },
    { type: 'settle' },
    { type: 'look' }
  ]
  const isUsed = draws.chance(0.5)
  return [
    { type: 'fault', fault, from: 'start' },
    ...(isUsed ? used : []),
    ...(isUsed && isOver ? ([{ type: 'serve' }] as const) : []),
    ...afterwards(draws)
  ]
}
