import { parseArgs } from 'node:util'
import type { BarJob } from '../../test/sim/bar-job.ts'
import type { FailedPlan } from '../../test/sim/crash-search.ts'
import { faultCanaries, startFaultCanaries } from '../../test/sim/fault-canaries.ts'
import { wholeNumber, type Bar } from './bar.ts'
import { runJobs } from './jobs.ts'
import { keepPlan, replayPlan } from './plans.ts'

const usage = `npm run bar -- faults [options]

Lives scripted lives of a broker on a simulated disk, and lets that disk refuse one call of them
after the other: reads, writes, syncs, names, descriptors, space; once or from then on. Then ends
such lives by crashes and lets the disk refuse calls of the start after that; and lives random
histories in which disks refuse something now and then. Looks for what the broker does that it must
not, and for what is missing when it starts again on a disk that works. Then looks for planted bugs,
which have to be found.

  --every N       tries every N-th fault of the scripted lives only (default 1)
  --points N      random faults, half of them in starts after crashes (default 2000)
  --seed N        (default 1)
  --replay FILE   does the plan of a failure again, and nothing else
`

/** In how many pieces the enumeration is done. */
const pieceCount = 32
/** Of so many faults one is tried with a planted bug. */
const canaryStride = 8
/** Crashes in one piece, and faults in the start after each. */
const startPiece = { crashCount: 5, faultCount: 20 } as const
/** As many are tried at most to find a planted bug. */
const startCanarySearch = { crashCount: 150, faultCount: 20 } as const
/** Random histories in one piece. */
const historiesPerPiece = 10
/** About how many faults a history meets. */
const faultsPerHistory = 2.4

type Faults = 'scripted' | 'in starts after crashes' | 'random'

interface Piece {
  readonly part: Faults | 'canaries'
  readonly job: BarJob
}

/** A disk that refuses something: nothing acknowledged is lost, and service goes on if it can. */
async function faults(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      every: { type: 'string', default: '1' },
      points: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      replay: { type: 'string' }
    }
  })
  if (values.replay !== undefined) return replayPlan('faults', values.replay)
  const seed = wholeNumber('seed', values.seed, 0)
  const pointsOfEach = wholeNumber('points', values.points) / 2
  return run(
    [
      ...scriptedPieces(seed, wholeNumber('every', values.every)),
      ...startPieces(seed, pointsOfEach),
      ...historyPieces(seed, pointsOfEach),
      ...canaryPieces(seed)
    ],
    seed
  )
}

export const bar: Bar = { usage, run: faults }

function scriptedPieces(seed: number, every: number): readonly Piece[] {
  return Array.from({ length: pieceCount }, (_, piece): Piece => {
    const options = { seed, stride: pieceCount * every, offset: piece * every, failuresMax: 5 }
    return { part: 'scripted', job: { type: 'faults', options } }
  })
}

function startPieces(seed: number, points: number): readonly Piece[] {
  const count = Math.ceil(points / startPiece.crashCount / startPiece.faultCount)
  return Array.from({ length: count }, (_, index): Piece => {
    const options = { ...startPiece, seed: seed * 1_000_000 + index, failuresMax: 5 }
    return { part: 'in starts after crashes', job: { type: 'startFaults', options } }
  })
}

function historyPieces(seed: number, points: number): readonly Piece[] {
  const count = Math.ceil(points / faultsPerHistory / historiesPerPiece)
  return Array.from({ length: count }, (_, index): Piece => {
    const from = seed * 1_000_000 + index * historiesPerPiece
    const durability = index % 2 === 0 ? 'fsync' : 'os'
    const job = { durability, seed: from, count: historiesPerPiece } as const
    return { part: 'random', job: { type: 'faultHistories', ...job } }
  })
}

function canaryPieces(seed: number): readonly Piece[] {
  const inLives = faultCanaries.map(({ name: canary }): Piece => {
    const options = { seed, canary, stride: canaryStride, offset: 0, failuresMax: 1 }
    return { part: 'canaries', job: { type: 'faults', options } }
  })
  const inStarts = startFaultCanaries.map(({ name: canary }): Piece => {
    const options = { ...startCanarySearch, seed, canary, failuresMax: 1 }
    return { part: 'canaries', job: { type: 'startFaults', options } }
  })
  return [...inLives, ...inStarts]
}

async function run(pieces: readonly Piece[], seed: number): Promise<number> {
  const failures: FailedPlan[] = []
  const points: Record<Piece['part'], number> = {
    scripted: 0,
    'in starts after crashes': 0,
    random: 0,
    canaries: 0
  }
  const sums = { starts: 0, refusals: 0 }
  const partOf = new Map(pieces.map(({ part, job }) => [job, part]))
  let caught = 0
  let done = 0
  await runJobs(
    pieces.map(({ job }) => job),
    (job, result) => {
      const part = partOf.get(job)!
      points[part] += result.points
      if (part === 'canaries') {
        if (result.failures.length > 0) caught++
        const found = result.failures.length > 0 ? `${result.points} faults` : 'not found'
        console.log(`${found}: ${'options' in job ? job.options.canary : ''}`)
      } else {
        failures.push(...result.failures)
        for (const { place, failure } of result.failures) console.log(place, failure)
        for (const key of ['starts', 'refusals'] as const) sums[key] += result[key]
      }
      if (++done % 10 === 0) console.error(`${done} of ${pieces.length} pieces`)
    }
  )
  for (const [index, each] of failures.slice(0, 3).entries()) {
    await keepPlan(each, `fault-plan-${index + 1}.json`)
  }
  const canaryCount = faultCanaries.length + startFaultCanaries.length
  const isPassed = failures.length === 0 && caught === canaryCount
  const figures = (['scripted', 'in starts after crashes', 'random'] as const)
    .map(part => `${part} ${points[part]}`)
    .join(', ')
  console.log(
    `faults ${isPassed ? 'PASS' : 'FAIL'} seed ${seed}: ${failures.length} violations; faults: ` +
      `${figures}; ${sums.starts} starts looked at, ${sums.refusals} refused; ` +
      `canaries ${caught} of ${canaryCount}`
  )
  return isPassed ? 0 : 1
}
