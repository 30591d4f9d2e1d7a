import { watchWallClock, type WallClockWatch } from '../base/wall-clock-watch.ts'
import type { Clock } from '../io/clock.ts'
import type { Rounds } from '../io/rounds.ts'
import { retentionPartitionsPerTurn, wallClockBounds } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Topic } from './topics.ts'

/** What those need that look at every partition from time to time. */
export interface PartitionChecksOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Every topic that exists. */
  topics(): Iterable<Pick<Topic, 'partitions'>>
  /** A bug of ours: the broker must stop. */
  onFailure(error: unknown): void
}

/**
 * Every partition that there is now, with pauses in which everybody else has a turn; no more of
 * them once the rounds are stopped.
 */
export async function* partitionsInTurns(
  options: Pick<PartitionChecksOptions, 'topics'>,
  rounds: Rounds
): AsyncGenerator<Partition, void, void> {
  const partitions = [...options.topics()].flatMap(topic => topic.partitions)
  for (const [index, partition] of partitions.entries()) {
    if (index > 0 && index % retentionPartitionsPerTurn === 0) await rounds.pause()
    if (rounds.isStopped) return
    yield partition
  }
}

/** The wall clock, as long as it can be trusted; see `watchWallClock`. */
export class TrustedWallClock {
  readonly #clock: Clock
  readonly #onChange: (jumpMs: number | null) => void
  #watch: WallClockWatch | null = null

  /** @param onChange told how far the clock has jumped, and null when it is trusted again */
  constructor(clock: Clock, onChange: (jumpMs: number | null) => void = () => {}) {
    this.#clock = clock
    this.#onChange = onChange
  }

  /** The wall time, ms; null while it cannot be trusted. */
  look(): number | null {
    const wasTrusted = this.#watch === null || this.#watch.jump === null
    const reading = { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() }
    this.#watch = watchWallClock(this.#watch, reading, wallClockBounds)
    const { jump, trustedAheadMs } = this.#watch
    const isTrusted = jump === null
    if (isTrusted !== wasTrusted) this.#onChange(isTrusted ? null : jump.aheadMs - trustedAheadMs)
    return isTrusted ? reading.wallMs : null
  }
}
