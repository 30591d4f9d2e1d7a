import { Draws } from './draws.ts'
import type { CrashKind } from './life.ts'
import type { Plan } from './plan.ts'
import type { CrashStep, RunStep } from './plane-run.ts'
import { lossProfiles } from './power-loss.ts'

/** Draws steps of one kind. */
export type Maker = (draws: Draws) => readonly RunStep[]

const topic = (draws: Draws): number => draws.pick([0, 0, 0, 1, 1, 2])
const partition = (draws: Draws): number => draws.below(2)
const place = (draws: Draws): { topic: number; partition: number } => {
  return { topic: topic(draws), partition: partition(draws) }
}

/** How often a step is drawn, and how it is made. */
const makers: Readonly<Record<string, readonly [weight: number, make: Maker]>> = {
  produce: [
    12,
    draws =>
      Array.from({ length: 1 + draws.below(3) }, () => ({
        type: 'produce',
        ...place(draws),
        producer: draws.below(3),
        count: 1 + draws.below(3),
        valueSize: draws.pick([0, 20, 60, 60, 700])
      }))
  ],
  retry: [
    3,
    draws => {
      return [
        { type: 'retry', ...place(draws), producer: draws.below(2), back: draws.pick([0, 0, 1, 3]) }
      ]
    }
  ],
  settle: [5, () => [{ type: 'settle' }]],
  look: [3, () => [{ type: 'look' }]],
  createTopic: [3, draws => [{ type: 'createTopic', topic: topic(draws) }]],
  deleteTopic: [1, draws => [{ type: 'deleteTopic', topic: topic(draws) }]],
  alterTopic: [1, draws => [{ type: 'alterTopic', topic: topic(draws) }]],
  deleteRecords: [
    2,
    draws => {
      return [{ type: 'deleteRecords', ...place(draws), share: draws.pick([0.3, 0.6, 0.9, 1]) }]
    }
  ],
  retain: [2, draws => [{ type: 'retain', topic: topic(draws) }]],
  compact: [2, draws => [{ type: 'compact', topic: topic(draws) }]],
  commit: [3, draws => [{ type: 'commit', group: draws.below(2), ...place(draws) }]],
  join: [1, draws => [{ type: 'join', group: draws.below(2) }]],
  leave: [1, draws => [{ type: 'leave', group: draws.below(2) }]],
  deleteGroup: [1, draws => [{ type: 'deleteGroup', group: draws.below(2) }]],
  newProducer: [1, draws => [{ type: 'newProducer', producer: draws.below(2) }]],
  advance: [2, draws => [{ type: 'advance', ms: draws.pick([10, 60, 150, 500, 2000]) }]],
  stop: [1, () => [{ type: 'stop' }]],
  crash: [4, draws => crashes(draws)]
}

/** Steps that every history has: without them there is nothing to be lost. */
const always: ReadonlySet<string> = new Set(['produce', 'settle', 'createTopic', 'crash'])

/** How many crashes a history has before it ends. */
const crashesPerHistory = 8

/**
 * Draws a history: clients and crashes in any order. Which kinds of steps there are, and how many
 * of them, differs from seed to seed.
 */
export function randomPlan(durability: Plan['durability'], seed: number, canary?: string): Plan {
  const draws = new Draws(seed)
  const weighted = weightedMakers(draws)
  const steps = [...firstSteps]
  for (let crashCount = 0; crashCount < crashesPerHistory;) {
    const made = draws.pick(weighted)(draws)
    steps.push(...made)
    crashCount += made.filter(({ type }) => type === 'crash').length
  }
  steps.push({ type: 'look' })
  return { durability, seed: draws.seed(), steps, ...(canary === undefined ? {} : { canary }) }
}

/** With which every history begins. */
export const firstSteps: readonly RunStep[] = [
  { type: 'createTopic', topic: 0 },
  { type: 'newProducer', producer: 0 },
  { type: 'settle' }
]

/** What the steps of one history are drawn from. */
export function weightedMakers(draws: Draws): readonly Maker[] {
  const weighted: Maker[] = []
  for (const [name, [weight, make]] of Object.entries(makers)) {
    const factor = always.has(name) ? 1 : draws.pick([0, 0.5, 1, 1, 3])
    for (let count = 0; count < Math.ceil(weight * factor); count++) weighted.push(make)
  }
  return weighted
}

/** A crash now or at any earlier moment of the life; sometimes another one while it recovers. */
function crashes(draws: Draws): readonly CrashStep[] {
  const first = crash(draws, draws.chance(0.4) ? 1 : draws.below(1000) / 1000)
  return draws.chance(0.25) ? [first, crash(draws, draws.below(1000) / 1000)] : [first]
}

function crash(draws: Draws, share: number): CrashStep {
  const kind = draws.pick<CrashKind>(['process', 'process', ...lossProfiles])
  const torn = kind === 'process' && draws.chance(0.5) ? draws.pick([0.1, 0.5, 0.9]) : 0
  const isClosing = draws.chance(0.1)
  const tornIn = draws.pick(['', '.log', '.odradek'])
  return { type: 'crash', kind, at: { share }, torn, tornIn, seed: draws.seed(), isClosing }
}
