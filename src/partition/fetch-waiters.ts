import { assert } from '../base/assert.ts'
import type { Cancellation } from '../base/cancellation.ts'
import { Deadlines } from '../base/deadlines.ts'
import type { Alarm, Clock } from '../io/clock.ts'
import type { IsolationLevel, Partition } from './partition.ts'

/**
 * Why a waiting fetch goes on: there is enough to read, its time is over, or nobody wants the
 * answer any more.
 */
export type WaitOutcome = 'ready' | 'expired' | 'cancelled'

/** One partition of a fetch that found too little, as it stood right before it was read. */
export interface AwaitedPartition {
  readonly partition: Partition
  readonly fetchOffset: number
  readonly isolationLevel: IsolationLevel
  /** Most bytes that this partition may add to the answer. */
  readonly maxBytes: number
  /** Bytes that the read found. */
  readonly readSize: number
  readonly visibleSize: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

export interface WaitRequest {
  readonly partitions: readonly AwaitedPartition[]
  readonly minBytes: number
  readonly maxWaitMs: number
  /** Comes when the connection is gone. */
  readonly cancellation: Cancellation
}

/**
 * Fetches that wait for records. A waiter hangs on its partitions and is woken in the turn in which
 * they bring it to its minimum; all waiters share one alarm. Nothing runs while nothing happens.
 */
export class FetchWaiters {
  readonly #clock: Clock
  readonly #byPartition = new Map<Partition, PartitionWaiters>()
  readonly #deadlines = new Deadlines<Waiter>()
  #alarm: { readonly atMs: number; readonly alarm: Alarm } | null = null
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Fetches that wait now. */
  get count(): number {
    return this.#deadlines.size
  }

  /**
   * Resolves once the partitions together have `minBytes` for the reader, or `maxWaitMs` is over.
   * What came between the read and this call counts.
   */
  wait(request: WaitRequest): Promise<WaitOutcome> {
    if (this.#isClosed || request.cancellation.isCancelled) return Promise.resolve('cancelled')
    if (request.maxWaitMs <= 0) return Promise.resolve('expired')
    return new Promise(resolve => {
      const waiter = new Waiter(this.#leave, request, resolve)
      this.#deadlines.set(waiter, this.#clock.monotonicMs() + request.maxWaitMs)
      for (const awaited of waiter.awaited) this.#waitersOf(awaited.partition).add(awaited)
      request.cancellation.onCancel(waiter.cancel)
      this.#setAlarm()
      for (const awaited of waiter.awaited) {
        awaited.onProgress()
        if (waiter.isDone) break
      }
    })
  }

  /** The broker stops: all go on, and nobody waits from now on. */
  close(): void {
    this.#isClosed = true
    for (const { waiters } of this.#byPartition.values()) {
      for (const awaited of waiters) awaited.waiter.cancel()
    }
    for (let next = this.#deadlines.earliestKey; next !== undefined;) {
      next.cancel()
      next = this.#deadlines.earliestKey
    }
    this.#alarm?.alarm.cancel()
    this.#alarm = null
    assert(this.#byPartition.size === 0, 'no partition is waited for any more')
  }

  #waitersOf(partition: Partition): Set<Awaited> {
    let found = this.#byPartition.get(partition)
    if (found === undefined) {
      const waiters = new Set<Awaited>()
      const leave = partition.onProgress(() => {
        for (const awaited of waiters) awaited.onProgress()
      })
      found = { waiters, leave }
      this.#byPartition.set(partition, found)
    }
    return found.waiters
  }

  readonly #leave = (waiter: Waiter): void => {
    this.#deadlines.delete(waiter)
    waiter.cancellation.offCancel(waiter.cancel)
    for (const awaited of waiter.awaited) {
      const found = this.#byPartition.get(awaited.partition)
      if (found === undefined) continue
      found.waiters.delete(awaited)
      if (found.waiters.size > 0) continue
      found.leave()
      this.#byPartition.delete(awaited.partition)
    }
  }

  /**
   * Makes sure that the alarm rings in time for the earliest. An alarm whose waiter has left is let
   * ring: taking it back and setting it again would cost every single fetch a timer.
   */
  #setAlarm(): void {
    const earliestMs = this.#deadlines.earliestMs
    if (earliestMs === null || (this.#alarm !== null && this.#alarm.atMs <= earliestMs)) return
    this.#alarm?.alarm.cancel()
    const delayMs = Math.max(0, earliestMs - this.#clock.monotonicMs())
    const alarm = this.#clock.schedule(delayMs, () => this.#ring())
    this.#alarm = { atMs: earliestMs, alarm }
  }

  #ring(): void {
    this.#alarm = null
    const nowMs = this.#clock.monotonicMs()
    for (;;) {
      const earliestMs = this.#deadlines.earliestMs
      if (earliestMs === null || earliestMs > nowMs) break
      this.#deadlines.earliestKey?.expire()
    }
    this.#setAlarm()
  }
}

interface PartitionWaiters {
  readonly waiters: Set<Awaited>
  readonly leave: () => void
}

/** One parked fetch: the bytes it has found so far, over all its partitions. */
class Waiter {
  readonly cancellation: Cancellation
  readonly awaited: readonly Awaited[]
  readonly #leave: (waiter: Waiter) => void
  readonly #minBytes: number
  readonly #resolve: (outcome: WaitOutcome) => void
  #size = 0
  #isDone = false

  constructor(
    leave: (waiter: Waiter) => void,
    request: WaitRequest,
    resolve: (outcome: WaitOutcome) => void
  ) {
    this.cancellation = request.cancellation
    this.#leave = leave
    this.#minBytes = request.minBytes
    this.#resolve = resolve
    this.awaited = request.partitions.map(each => new Awaited(this, each))
  }

  get isDone(): boolean {
    return this.#isDone
  }

  add(size: number): void {
    this.#size += size
    if (this.#size >= this.#minBytes) this.#end('ready')
  }

  readonly cancel = (): void => this.#end('cancelled')

  expire(): void {
    this.#end('expired')
  }

  #end(outcome: WaitOutcome): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#leave(this)
    this.#resolve(outcome)
  }
}

/** What one parked fetch expects of one partition. */
class Awaited {
  readonly waiter: Waiter
  readonly #from: AwaitedPartition
  #counted = 0

  constructor(waiter: Waiter, from: AwaitedPartition) {
    this.waiter = waiter
    this.#from = from
  }

  get partition(): Partition {
    return this.#from.partition
  }

  /** Counts what the partition has for the reader now. */
  onProgress(): void {
    const readable = this.#readableSize()
    const size = readable === Infinity ? Infinity : Math.min(this.#from.maxBytes, readable)
    if (size <= this.#counted) return
    const grown = size - this.#counted
    this.#counted = size
    this.waiter.add(grown)
  }

  #readableSize(): number {
    const { partition, fetchOffset, readSize, visibleSize } = this.#from
    if (partition.isClosed) return Infinity
    const grown = partition.visibleSize - visibleSize
    if (this.#from.isolationLevel === 'READ_UNCOMMITTED') {
      return partition.highWatermark > fetchOffset ? readSize + grown : readSize
    }
    const wasHeld = this.#from.lastStableOffset < this.#from.highWatermark
    const stable = partition.lastStableOffset
    if (!wasHeld && stable === partition.highWatermark) return readSize + grown
    // A transaction holds or held records back, and how many bytes its end sets free is not known:
    // look at them.
    return stable > Math.max(fetchOffset, this.#from.lastStableOffset) ? Infinity : readSize
  }
}
