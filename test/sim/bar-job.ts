import { unreachable } from '../../src/base/assert.ts'
import { searchCanary } from './canary-search.ts'
import { CorruptionBench, kindOf, randomFlips, type Verdict } from './corruption.ts'
import type { Ending } from './corruption-filling.ts'
import {
  enumerateCrashes,
  nothingFound,
  type EnumerationOptions,
  type Found
} from './crash-search.ts'
import { randomFaultPlan } from './fault-history.ts'
import { enumerateFaults, type FaultSearchOptions } from './fault-search.ts'
import { randomPlan } from './history.ts'
import { runPlan, type Plan } from './plan.ts'
import { enumerateRecoveries, type RecoverySearchOptions } from './recovery-search.ts'
import { searchStartFaults, type StartFaultOptions } from './start-fault-search.ts'

/** A piece of a long run, which can be done by another process. */
export type BarJob =
  | { readonly type: 'enumerate'; readonly options: EnumerationOptions }
  | { readonly type: 'recoveries'; readonly options: RecoverySearchOptions }
  | {
      readonly type: 'histories' | 'faultHistories'
      readonly durability: Plan['durability']
      readonly seed: number
      readonly count: number
    }
  | { readonly type: 'canary'; readonly name: string; readonly seed: number }
  | { readonly type: 'faults'; readonly options: FaultSearchOptions }
  | { readonly type: 'startFaults'; readonly options: StartFaultOptions }
  | {
      readonly type: 'flips'
      readonly ending: Ending
      readonly seed: number
      readonly count: number
    }

export interface BarResult extends Found {
  /** What was made of flipped bits, by kind of file. */
  readonly verdicts: readonly (readonly [kind: string, verdict: Verdict, detail: string])[]
}

export async function runJob(job: BarJob): Promise<BarResult> {
  switch (job.type) {
    case 'enumerate':
      return { ...(await enumerateCrashes(job.options)), verdicts: [] }
    case 'recoveries':
      return { ...(await enumerateRecoveries(job.options)), verdicts: [] }
    case 'histories':
    case 'faultHistories':
      return { ...(await liveHistories(job)), verdicts: [] }
    case 'faults':
      return { ...(await enumerateFaults(job.options)), verdicts: [] }
    case 'startFaults':
      return { ...(await searchStartFaults(job.options)), verdicts: [] }
    case 'canary':
      return { ...(await findCanary(job.name, job.seed)), verdicts: [] }
    case 'flips':
      return { ...nothingFound(), verdicts: await flipBits(job) }
    default:
      return unreachable(job)
  }
}

/** Every tenth history is lived twice, and has to be the same. */
const repeatInterval = 10

async function liveHistories(
  job: BarJob & { type: 'histories' | 'faultHistories' }
): Promise<Found> {
  const found = nothingFound()
  const isFaulty = job.type === 'faultHistories'
  const draw = isFaulty ? randomFaultPlan : randomPlan
  for (let seed = job.seed; seed < job.seed + job.count; seed++) {
    const plan = draw(job.durability, seed)
    const { failure, counts, trace } = await runPlan(plan)
    found.points += isFaulty ? counts.faults : counts.crashes
    found.refusals += counts.refusals
    found.starts += counts.starts
    found.lost += counts.lost
    const place = `${job.durability} history ${seed}`
    if (failure !== null) found.failures.push({ place, failure, plan })
    if (seed % repeatInterval !== 0) continue
    const again = await runPlan(plan)
    if (again.trace === trace) continue
    const message = `trace ${trace}, then ${again.trace}`
    found.failures.push({ place, plan, failure: { kind: 'not the same', message, step: 0 } })
  }
  return found
}

/** A planted bug that is found is told in `points`: after how many crashes. */
async function findCanary(name: string, seed: number): Promise<Found> {
  const { failure, crashes } = await searchCanary(name, seed)
  const missed = { kind: 'not found', message: `${crashes} crashes`, step: 0 }
  const plan = randomPlan('fsync', seed, name)
  const failures = failure === null ? [{ place: name, failure: missed, plan }] : []
  return { ...nothingFound(), points: crashes, failures }
}

async function flipBits(job: BarJob & { type: 'flips' }): Promise<BarResult['verdicts']> {
  const bench = await CorruptionBench.make(job.ending, 1)
  const verdicts: [string, Verdict, string][] = []
  for (const flip of randomFlips(bench.disk, job.count, job.seed)) {
    const { verdict, detail } = await bench.judge(flip)
    const { path, position, bit } = flip
    const place = `${path} byte ${position} bit ${bit} after a ${job.ending}: ${detail}`
    verdicts.push([kindOf(path), verdict, place])
  }
  return verdicts
}
