import { parseArgs } from 'node:util'
import type { BarJob } from '../../test/sim/bar-job.ts'
import { failures, pointlessPlaces, type Verdict } from '../../test/sim/corruption.ts'
import { wholeNumber, type Bar } from './bar.ts'
import { runJobs } from './jobs.ts'

const usage = `npm run bar -- corruption [options]

Flips single bits in every kind of file of a data directory, one at a time: odradek log verify looks
at it, a broker starts on it, is asked for everything, scrubs everything and stops, and verify looks
again. Each bit has to be told of, no answer may be another one than before but that what the bit
was in is damaged, and files that follow from others have to be made anew.

  --flips N   (default 10000)
  --seed N    (default 1)
`

/** Bits that are flipped by one process after the other. */
const flipsPerPiece = 250

/** What may be made of a flipped bit, in words. */
const outcomes: ReadonlyArray<readonly [verdict: Verdict, words: string]> = [
  ['answer', 'reported by an answer'],
  ['start', 'by the start'],
  ['scrub', 'by the scrub'],
  ['verify', 'by odradek log verify alone'],
  ['pointless', 'pointless'],
  ...failures.map(verdict => [verdict, verdict] as const)
]

/** Flipped bits that are told of, or mean nothing. */
async function corruption(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flips: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' }
    }
  })
  const seed = wholeNumber('seed', values.seed, 0)
  const counts = await run(jobsOf(wholeNumber('flips', values.flips), seed))
  const kinds = [...counts.keys()].sort()
  for (const kind of kinds) console.log(`${kind}: ${inWords(counts.get(kind)!)}`)
  for (const { name, reason } of pointlessPlaces) console.log(`pointless: ${name}: ${reason}`)
  const total = new Map(
    outcomes.map(([verdict]) => [
      verdict,
      kinds.reduce((sum, kind) => sum + (counts.get(kind)!.get(verdict) ?? 0), 0)
    ])
  )
  const isPassed = failures.every(verdict => total.get(verdict) === 0)
  const results = outcomes.map(([verdict, words]) => `${total.get(verdict)} ${words}`)
  const flips = kinds.map(kind => `${sizeOf(counts.get(kind)!)} ${kind}`)
  console.log(
    `corruption ${isPassed ? 'PASS' : 'FAIL'} seed ${seed}: ${sizeOf(total)} flips ` +
      `(${flips.join(', ')}): ${results.join(', ')}`
  )
  return isPassed ? 0 : 1
}

export const bar: Bar = { usage, run: corruption }

type Counts = ReadonlyMap<Verdict, number>

function sizeOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

/** Without what has not happened. */
function inWords(counts: Counts): string {
  return outcomes
    .filter(([verdict]) => counts.has(verdict))
    .map(([verdict, words]) => `${counts.get(verdict)} ${words}`)
    .join(', ')
}

function jobsOf(flips: number, seed: number): readonly BarJob[] {
  return Array.from({ length: Math.ceil(flips / flipsPerPiece) }, (_, index) => ({
    type: 'flips' as const,
    ending: index % 2 === 0 ? ('stop' as const) : ('crash' as const),
    seed: seed * 100_000 + index,
    count: Math.min(flipsPerPiece, flips - index * flipsPerPiece)
  }))
}

async function run(jobs: readonly BarJob[]): Promise<ReadonlyMap<string, Map<Verdict, number>>> {
  const counts = new Map<string, Map<Verdict, number>>()
  let done = 0
  await runJobs(jobs, (_, result) => {
    for (const [kind, verdict, detail] of result.verdicts) {
      const row = counts.get(kind) ?? new Map<Verdict, number>()
      counts.set(kind, row)
      row.set(verdict, (row.get(verdict) ?? 0) + 1)
      if (failures.some(each => each === verdict)) console.log(`${verdict}: ${detail}`)
    }
    console.error(`${++done} of ${jobs.length} pieces`)
  })
  return counts
}
