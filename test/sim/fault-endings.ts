import type { Draws } from './draws.ts'
import type { CrashKind } from './life.ts'
import type { CrashStep, RunStep } from './plane-run.ts'
import { lossProfiles } from './power-loss.ts'

/** How a life ends in which the disk has refused something: at its end, or any time after that. */
export function faultyEnd(draws: Draws): CrashStep {
  const kind = draws.pick<CrashKind>(['process', 'process', 'process', ...lossProfiles])
  const isClosing = draws.chance(0.4)
  const share = draws.chance(0.5) ? 1 : draws.below(100) / 100
  const torn = kind === 'process' && draws.chance(0.5) ? draws.pick([0.1, 0.5, 0.9]) : 0
  const at = { share, ...(draws.chance(0.7) ? { sinceFault: true as const } : {}) }
  return { type: 'crash', kind, at, torn, isClosing, seed: draws.seed() }
}

/**
 * The end of a life with a fault, and another life on a disk that works. What that one has said is
 * held against it once more: after a stop, or after a power cut that takes what was not synced.
 */
export function afterwards(draws: Draws): readonly RunStep[] {
  return [
    faultyEnd(draws),
    { type: 'retry', topic: 0, partition: 0, producer: 0, back: 0 },
    { type: 'retry', topic: 1, partition: 0, producer: 0, back: 1 },
    { type: 'serve' },
    { type: 'commit', group: 1, topic: 0, partition: 0 },
    { type: 'settle' },
    { type: 'look' },
    draws.chance(0.25)
      ? { type: 'stop' }
      : { type: 'crash', kind: 'nothing', at: { share: 1 }, torn: 0, seed: draws.seed() }
  ]
}
