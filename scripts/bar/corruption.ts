import { parseArgs } from 'node:util'
import type { BarJob } from '../../test/sim/bar-job.ts'
import type { Verdict } from '../../test/sim/corruption.ts'
import { runJobs } from './jobs.ts'

const usage = `npm run bar -- corruption [options]

Flips single bits in every kind of file of a data directory, one at a time, starts a broker on it
and asks for everything.

  --flips N   (default 10000)
  --seed N    (default 1)
`

/** Bits that are flipped by one process after the other. */
const flipsPerPiece = 250

/** What may be made of a flipped bit. */
const good: readonly Verdict[] = ['reported', 'without effect']
const verdicts: readonly Verdict[] = [...good, 'wrong', 'removed', 'silent']

/** Flipped bits that are told of, or mean nothing. */
export async function corruption(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      flips: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const seed = Number(values.seed)
  const counts = await run(jobsOf(Number(values.flips), seed))
  for (const kind of [...counts.keys()].sort()) {
    const row = counts.get(kind)!
    console.log(`${kind}: ${verdicts.map(each => `${row.get(each) ?? 0} ${each}`).join(', ')}`)
  }
  const total = (verdict: Verdict): number =>
    [...counts.values()].reduce((sum, row) => sum + (row.get(verdict) ?? 0), 0)
  const isPassed = verdicts.every(each => good.includes(each) || total(each) === 0)
  console.log(
    `corruption ${isPassed ? 'PASS' : 'FAIL'} seed ${seed}: ` +
      verdicts.map(each => `${total(each)} ${each}`).join(', ')
  )
  return isPassed ? 0 : 1
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
      if (!good.includes(verdict)) console.log(`${verdict}: ${detail}`)
    }
    console.error(`${++done} of ${jobs.length} pieces`)
  })
  return counts
}
