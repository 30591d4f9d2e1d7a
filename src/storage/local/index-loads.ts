import { loadIndexes } from './index-rebuild.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

/** What is looked at of the log whose indexes these are. */
interface IndexedLog {
  readonly segments: SegmentList
  readonly epochs: LeaderEpochs
}

/** Brings the indexes of a log's segments into memory; those who ask together wait for one load. */
export class IndexLoads {
  readonly #context: LogContext
  readonly #folder: string
  readonly #log: IndexedLog
  readonly #loads = new Map<Segment, Promise<SegmentIndexes>>()

  constructor(context: LogContext, folder: string, log: IndexedLog) {
    this.#context = context
    this.#folder = folder
    this.#log = log
  }

  /**
   * The indexes of a segment, read from disk if they have to be.
   *
   * @throws FileError when the segment cannot be read
   */
  async of(segment: Segment, indexIntervalBytes: number): Promise<SegmentIndexes> {
    const { segments, epochs } = this.#log
    if (segment.indexes !== null) {
      if (segment !== segments.active) this.#context.indexes.touch(segment)
      return segment.indexes
    }
    let load = this.#loads.get(segment)
    if (load === undefined) {
      load = loadIndexes(this.#context, this.#folder, segment, epochs, indexIntervalBytes)
      load = load.finally(() => this.#loads.delete(segment))
      this.#loads.set(segment, load)
    }
    return load
  }
}
