import type { DiskFault, FaultyCall } from './disk-faults.ts'
import { Draws } from './draws.ts'
import { faultyEnd } from './fault-endings.ts'
import { faultWays } from './fault-ways.ts'
import { firstSteps, weightedMakers } from './history.ts'
import type { Plan } from './plan.ts'
import type { RunStep } from './plane-run.ts'

/** How many lives with faults a history has. */
const faultyLivesPerHistory = 6
/** Of so many lives with faults one meets more than one. */
const manyFaultsShare = 0.3

/** How often each call is refused, and about how many of them a life makes. */
const calls: readonly (readonly [call: FaultyCall, weight: number, count: number])[] = [
  ['open', 4, 60],
  ['makeDirectory', 1, 2],
  ['rename', 1, 4],
  ['remove', 2, 12],
  ['write', 5, 20],
  ['resize', 1, 3],
  ['datasync', 5, 14],
  ['syncDirectory', 3, 12],
  ['read', 3, 50],
  ['list', 1, 12]
]

const weightedCalls = calls.flatMap(each => Array.from({ length: each[1] }, () => each))

/** Folders and files that a lasting or a picky fault may mean. */
const places = ['', '', '', '.log', '.odradek', 'orders-0', '__cluster_metadata', '__consumer']

/**
 * Draws a history: clients, crashes, and disks that refuse something from the beginning of a life,
 * which may follow a crash, or from some moment of it; alone or with others. Each such life goes on
 * for some steps, ends in any way, and is followed by one on a disk that works, or by another one.
 */
export function randomFaultPlan(
  durability: Plan['durability'],
  seed: number,
  canary?: string
): Plan {
  const draws = new Draws(seed)
  const weighted = weightedMakers(draws)
  const some = (): readonly RunStep[] =>
    Array.from({ length: draws.below(8) }, () => draws.pick(weighted)(draws)).flat()
  const steps = [...firstSteps]
  for (let count = 0; count < faultyLivesPerHistory; count++) {
    steps.push(...some())
    // A fault of a life that is to begin needs the end of the one before.
    const from = draws.chance(0.5) ? 'start' : 'now'
    if (from === 'start') steps.push(draws.chance(0.3) ? { type: 'stop' } : faultyEnd(draws))
    const faultCount = draws.chance(manyFaultsShare) ? 2 + draws.below(2) : 1
    for (let index = 0; index < faultCount; index++) {
      steps.push({ type: 'fault', fault: drawFault(draws, from), from })
    }
    if (draws.chance(0.15)) steps.push(...fullDisk(some, draws))
    steps.push(...some(), { type: 'settle' }, faultyEnd(draws))
  }
  steps.push({ type: 'serve' }, { type: 'look' })
  return { durability, seed: draws.seed(), steps, ...(canary === undefined ? {} : { canary }) }
}

function drawFault(draws: Draws, from: 'start' | 'now'): DiskFault {
  const [call, , count] = draws.pick(weightedCalls)
  const way = draws.pick(faultWays[call])
  const isPicky = draws.chance(0.5)
  const matches = isPicky ? draws.pick(places) : ''
  // Of what is left of a life, and of the calls of one file, there are fewer.
  const reach = Math.ceil(count / ((from === 'now' ? 3 : 1) * (matches === '' ? 1 : 3)))
  const lasts = way.lasts ?? (draws.chance(0.1) ? draws.between(1, 5) : undefined)
  return {
    id: 'fault',
    call,
    nth: draws.between(1, reach),
    code: way.code,
    ...(matches === '' ? {} : { matches }),
    ...(lasts === undefined ? {} : { lasts })
  }
}

function fullDisk(some: () => readonly RunStep[], draws: Draws): readonly RunStep[] {
  const size = draws.below(3000)
  return [{ type: 'room', size }, ...some(), { type: 'room', size: null }]
}
