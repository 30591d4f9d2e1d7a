import { parseArgs } from 'node:util'
import type { BarJob } from '../../test/sim/bar-job.ts'
import { canaries } from '../../test/sim/canaries.ts'
import type { FailedPlan } from '../../test/sim/crash-search.ts'
import type { CrashKind } from '../../test/sim/life.ts'
import type { Plan } from '../../test/sim/plan.ts'
import { lossProfiles } from '../../test/sim/power-loss.ts'
import { keptDurability, wholeNumber, type Bar } from './bar.ts'
import { runJobs } from './jobs.ts'
import { keepPlan, replayPlan } from './plans.ts'

const usage = `npm run bar -- crash [options]

Ends a broker on a simulated disk at every call of that disk, the start after some of these crashes
at every call of it, and others at random moments of random histories, and looks for what is lost.
Then looks for planted bugs, which have to be found.

  --points N           random crash points (default 10000)
  --seed N             (default 1)
  --durability MODE    fsync or os (default: both)
  --replay FILE        does the plan of a failure again, and nothing else
`

const allModes = ['fsync', 'os'] as const
/** In how many pieces an enumeration is done. */
const pieceCount = 16
/** Random histories in one piece. */
const historiesPerPiece = 20
/** About how many crashes a history has. */
const crashesPerHistory = 8

/** In how many pieces recoveries are ended, and how many in each. */
const recoveryPieceCount = 6
const recoveriesPerPiece = 4

type Crashes = 'every crash' | 'power cuts' | 'random' | 'during recovery'

interface Piece {
  readonly part: `${Plan['durability']} ${Crashes}` | 'canaries'
  readonly job: BarJob
}

/** Crashes that lose nothing, whatever it costs; and power cuts that may lose something. */
async function crash(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      durability: { type: 'string' },
      replay: { type: 'string' }
    }
  })
  if (values.replay !== undefined) return replayPlan('crash', values.replay)
  const modes = values.durability === undefined ? allModes : [keptDurability(values.durability)]
  const seed = wholeNumber('seed', values.seed, 0)
  const points = wholeNumber('points', values.points)
  const pieces = [
    ...modes.flatMap(mode => piecesOf(mode, seed, points / modes.length)),
    ...canaries.map(({ name }): Piece => {
      return { part: 'canaries', job: { type: 'canary', name, seed: seed + 3000 } }
    })
  ]
  return report(await run(pieces), seed)
}

export const bar: Bar = { usage, run: crash }

function piecesOf(durability: Plan['durability'], seed: number, points: number): Piece[] {
  const enumeration = (what: Crashes, kinds: readonly CrashKind[]): Piece[] =>
    Array.from({ length: pieceCount }, (_, offset) => {
      const options = { durability, seed, stride: pieceCount, offset, failuresMax: 5, kinds }
      return {
        part: `${durability} ${what}` as const,
        job: { type: 'enumerate', options } as const
      }
    })
  const historyCount = Math.ceil(points / crashesPerHistory / historiesPerPiece)
  const histories = Array.from({ length: historyCount }, (_, index): Piece => {
    const from = seed * 1_000_000 + index * historiesPerPiece
    const job = { type: 'histories', durability, seed: from, count: historiesPerPiece } as const
    return { part: `${durability} random`, job }
  })
  const recoveries = Array.from({ length: recoveryPieceCount }, (_, index): Piece => {
    const from = seed * 1_000_000 + index
    const options = { durability, seed: from, crashCount: recoveriesPerPiece, failuresMax: 5 }
    return { part: `${durability} during recovery`, job: { type: 'recoveries', options } }
  })
  const enumerated =
    durability === 'fsync'
      ? enumeration('every crash', ['process', ...lossProfiles])
      : [...enumeration('every crash', ['process']), ...enumeration('power cuts', lossProfiles)]
  return [...enumerated, ...recoveries, ...histories]
}

interface Part {
  points: number
  lost: number
  readonly failures: FailedPlan[]
}

async function run(pieces: readonly Piece[]): Promise<ReadonlyMap<string, Part>> {
  const parts = new Map<string, Part>()
  const partOf = new Map(pieces.map(({ part, job }) => [job, part]))
  let done = 0
  await runJobs(
    pieces.map(({ job }) => job),
    (job, { points, lost, failures }) => {
      const name = partOf.get(job)!
      const part = parts.get(name) ?? { points: 0, lost: 0, failures: [] }
      parts.set(name, part)
      part.points += points
      part.lost += lost
      part.failures.push(...failures)
      if (job.type === 'canary') console.log(`${points} crashes: ${job.name}`)
      for (const { place, failure } of failures) console.log(place, failure)
      if (++done % 10 === 0) console.error(`${done} of ${pieces.length} pieces`)
    }
  )
  return parts
}

async function report(parts: ReadonlyMap<string, Part>, seed: number): Promise<number> {
  const failures = [...parts.values()].flatMap(part => part.failures)
  for (const [index, each] of failures.slice(0, 3).entries()) {
    await keepPlan(each, `crash-plan-${index + 1}.json`)
  }
  const power = parts.get('os power cuts')
  const isValid = power === undefined || power.lost > 0
  if (!isValid) console.log('the test is not valid: the mode os loses nothing with the power')
  const figures = [...parts]
    .filter(([name]) => name !== 'canaries')
    .map(([name, { points, lost }]) => `${name} ${points}${lost > 0 ? ` (${lost} lost)` : ''}`)
  const missed = parts.get('canaries')?.failures.length ?? 0
  const isPassed = isValid && failures.length === 0
  console.log(
    `crash ${isPassed ? 'PASS' : 'FAIL'} seed ${seed}: ${failures.length} violations; crashes: ` +
      `${figures.join(', ')}; canaries ${canaries.length - missed} of ${canaries.length}`
  )
  return isPassed ? 0 : 1
}
