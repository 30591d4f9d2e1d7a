import type { Settled } from '../../src/base/settled.ts'
import type { ManualClock } from '../../src/io/manual-clock.ts'
import type { Life } from './life.ts'
import type { PlaneModel } from './plane-model.ts'
import type { Plane } from './plane.ts'
import { demand } from './violation.ts'

/** One life of a broker, and all that is known of it. */
export interface World {
  readonly plane: Plane
  readonly life: Life
  readonly model: PlaneModel
  readonly clock: ManualClock
  /** Answers that are still to come. */
  readonly waiting: Set<Promise<void>>
  /** Producer ids by producer, as long as the producer lives: longer than a broker. */
  readonly producers: Map<number, number>
  /** The first check that failed in an answer that nobody waited for. */
  violation: unknown
  nextId(): number
}

/** Goes on with an answer when it comes. */
export function whenAnswered<T>(
  world: World,
  answer: Settled<T>,
  then: (value: T) => void
): Promise<void> {
  const handled: Promise<void> = Promise.resolve(answer)
    .then(then)
    .catch((error: unknown) => void (world.violation ??= error))
    .finally(() => world.waiting.delete(handled))
  world.waiting.add(handled)
  return handled
}

/** Waits for one answer, or for all, and lets what waits for its turn only have it. */
export async function settle(world: World, answer?: Promise<void>): Promise<void> {
  let isOver = false
  const over = answer ?? Promise.all(world.waiting)
  void over.then(() => (isOver = true))
  // oxlint-disable-next-line eslint/no-unmodified-loop-condition -- a promise sets it
  for (let turns = 0; !isOver; turns++) {
    await new Promise(resolve => setImmediate(resolve))
    // Mostly nothing waits for time; a rebalance may wait for a member that is no more.
    world.clock.advance(turns % 100 === 99 ? 500 : 0)
    if (world.plane.failure !== null) break
    demand(turns < 10_000, 'stuck', () => `${world.waiting.size} requests are not answered`)
  }
  if (world.violation !== null) throw world.violation
}
