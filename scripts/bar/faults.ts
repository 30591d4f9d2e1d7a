import { parseArgs } from 'node:util'
import type { BarJob } from '../../test/sim/bar-job.ts'
import type { FailedPlan } from '../../test/sim/crash-search.ts'
import { faultCanaries } from '../../test/sim/fault-canaries.ts'
import { wholeNumber, type Bar } from './bar.ts'
import { runJobs } from './jobs.ts'
import { keepPlan, replayPlan } from './plans.ts'

const usage = `npm run bar -- faults [options]

Lives scripted lives of a broker on a simulated disk, and lets that disk refuse one call of them
after the other: reads, writes, syncs, names, descriptors, space; once or from then on. Looks for
what the broker does that it must not, and for what is missing when it starts again on a disk that
works. Then looks for planted bugs, which have to be found.

  --every N       tries every N-th fault only (default 1)
  --seed N        (default 1)
  --replay FILE   does the plan of a failure again, and nothing else
`

/** In how many pieces the enumeration is done. */
const pieceCount = 32
/** Of so many faults one is tried with a planted bug. */
const canaryStride = 8

/** A disk that refuses something: nothing acknowledged is lost, and service goes on if it can. */
async function faults(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      every: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      replay: { type: 'string' }
    }
  })
  if (values.replay !== undefined) return replayPlan('faults', values.replay)
  const seed = wholeNumber('seed', values.seed, 0)
  const every = wholeNumber('every', values.every)
  const stride = pieceCount * every
  const enumeration = Array.from({ length: pieceCount }, (_, piece): BarJob => {
    const offset = piece * every
    return { type: 'faults', options: { seed, stride, offset, failuresMax: 5 } }
  })
  const planted = faultCanaries.map(({ name: canary }): BarJob => {
    const options = { seed, canary, stride: canaryStride, offset: 0, failuresMax: 1 }
    return { type: 'faults', options }
  })
  return run([...enumeration, ...planted], seed)
}

export const bar: Bar = { usage, run: faults }

async function run(jobs: readonly BarJob[], seed: number): Promise<number> {
  const failures: FailedPlan[] = []
  const sums = { points: 0, starts: 0, refusals: 0 }
  let caught = 0
  let done = 0
  await runJobs(jobs, (job, result) => {
    const canary = job.type === 'faults' ? job.options.canary : undefined
    if (canary === undefined) {
      failures.push(...result.failures)
      for (const { place, failure } of result.failures) console.log(place, failure)
      for (const key of ['points', 'starts', 'refusals'] as const) sums[key] += result[key]
    } else {
      if (result.failures.length > 0) caught++
      const found = result.failures.length > 0 ? `${result.points} faults` : 'not found'
      console.log(`${found}: ${canary}`)
    }
    if (++done % 10 === 0) console.error(`${done} of ${jobs.length} pieces`)
  })
  for (const [index, each] of failures.slice(0, 3).entries()) {
    await keepPlan(each, `fault-plan-${index + 1}.json`)
  }
  const isPassed = failures.length === 0 && caught === faultCanaries.length
  console.log(
    `faults ${isPassed ? 'PASS' : 'FAIL'} seed ${seed}: ${failures.length} violations; ` +
      `${sums.points} faults, ${sums.starts} starts looked at, ${sums.refusals} refused; ` +
      `canaries ${caught} of ${faultCanaries.length}`
  )
  return isPassed ? 0 : 1
}
