import { assert } from '../base/assert.ts'
import { failure, success } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { allSettled } from '../base/settled.ts'
import type { Alarm, Clock } from '../io/clock.ts'
import { shardReloadDelayMs, shardRecordsWaitingSizeMax } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { EncodedRecord } from './append-queue.ts'
import { AppendQueue, splitBySize } from './append-queue.ts'
import type { Answered, Effects, Moment, Ticket } from './effects.ts'
import { loadMachine } from './loader.ts'
import type { Decode } from './loader.ts'
import type { Machine } from './machine.ts'

/** Why a shard does not answer: for now, in time, from here, or not any more. */
export type ShardError =
  | 'COORDINATOR_LOAD_IN_PROGRESS'
  | 'REQUEST_TIMED_OUT'
  | 'NOT_COORDINATOR'
  | 'COORDINATOR_NOT_AVAILABLE'

/** What a shard needs of its partition. */
export type ShardLog = Pick<Partition, 'appendRecords' | 'replay'>

export interface ShardOptions<Event, Record, Reply> {
  /** Topic and partition, for the log of the broker. */
  readonly name: string
  readonly log: ShardLog
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes of the records of one batch, at most. */
  readonly batchSizeMax: number
  /** How long a reply waits for its records, ms. Kafka: the write timeout of CoordinatorRuntime. */
  readonly writeTimeoutMs: number
  newMachine(): Machine<Event, Record, Reply>
  encode(record: Record): EncodedRecord
  readonly decode: Decode<Record>
  /** What a machine that was just loaded has to be told first. */
  firstEvents(): readonly Event[]
  /** A belief of ours was wrong: the shard has stopped, and so should the broker. */
  onBroken(error: unknown): void
}

/**
 * One coordinator state machine and its partition of an internal topic. The shard hands events to
 * the machine, appends the records that come of them, and lets a reply go only when every record
 * decided before it is durable; so no client, of a write or of a read, ever sees what a crash could
 * take back. Time reaches the machine through one alarm.
 *
 * A reply that waits for the disk longer than `writeTimeoutMs` becomes REQUEST_TIMED_OUT. Only the
 * waiting is over then: what was decided stays, and becomes durable when the disk is back.
 *
 * The machine is ahead of the log while records are on their way. If an append fails, nobody can
 * say what the log holds: the machine is thrown away, all that wait hear NOT_COORDINATOR, and a new
 * machine is made from the log, as at start.
 */
export class Shard<Event, Record, Reply> {
  readonly #options: ShardOptions<Event, Record, Reply>
  /** Null while the log is read, and after the end. */
  #machine: Machine<Event, Record, Reply> | null = null
  #queue = new AppendQueue<Reply>()
  readonly #waiting = new Map<Ticket, (answer: Result<Reply, ShardError>) => void>()
  #lastTicket: Ticket = 0
  #alarm: Alarm | null = null
  #alarmMs = Infinity
  /** Rings when the reply that waits for longest has waited too long, or earlier. */
  #timeoutAlarm: Alarm | null = null
  #isClosed = false
  /** Whether nothing was appended since an append has failed. */
  #isFailing = false
  #onIdle: (() => void) | null = null

  constructor(options: ShardOptions<Event, Record, Reply>) {
    this.#options = options
  }

  get isLoaded(): boolean {
    return this.#machine !== null
  }

  /** Whether the disk is so far behind that nothing more should be decided on behalf of clients. */
  get isBehind(): boolean {
    return this.#queue.gatheringSize >= shardRecordsWaitingSizeMax
  }

  /**
   * Reads the log; until then requests hear COORDINATOR_LOAD_IN_PROGRESS. A log that cannot be read
   * is tried again.
   */
  async load(): Promise<void> {
    assert(this.#machine === null, 'a shard loads when it has no machine')
    const { name, log, decode, logger } = this.#options
    const machine = this.#options.newMachine()
    const loaded = await loadMachine(log, decode, machine)
    if (this.#isClosed) return
    if (!loaded.ok) {
      logger.error('coordinator shard cannot read its log', { shard: name, ...loaded })
      this.#reloadLater()
      return
    }
    this.#machine = machine
    this.#carryOut(running => running.loaded(this.#now()))
    for (const event of this.#options.firstEvents()) this.post(event)
  }

  /**
   * Hands an event to the machine at once; resolves when its reply may be seen, and at the latest
   * `writeTimeoutMs` after it was decided.
   */
  submit(eventWith: (ticket: Ticket) => Event): Promise<Result<Reply, ShardError>> {
    if (this.#isClosed) return Promise.resolve(failure('COORDINATOR_NOT_AVAILABLE'))
    if (this.#machine === null) return Promise.resolve(failure('COORDINATOR_LOAD_IN_PROGRESS'))
    const ticket = ++this.#lastTicket
    return new Promise(resolve => {
      this.#waiting.set(ticket, resolve)
      this.#carryOut(machine => machine.step(eventWith(ticket), this.#now()))
    })
  }

  /**
   * Hands over an event that nobody waits for; a shard that is being loaded hears of it through
   * `firstEvents`.
   */
  post(event: Event): void {
    this.#carryOut(machine => machine.step(event, this.#now()))
  }

  /**
   * Takes no more requests, waits until what was decided is durable, and lets go of everybody who
   * still waits.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#disarm()
    if (this.#machine !== null && !this.#queue.isIdle) {
      await new Promise<void>(resolve => (this.#onIdle = resolve))
    }
    this.#disarmTimeout()
    this.#machine = null
    this.#abandonAll()
  }

  #carryOut(decide: (machine: Machine<Event, Record, Reply>) => Effects<Record, Reply>): void {
    const machine = this.#machine
    if (machine === null) return
    try {
      const effects = decide(machine)
      for (const { message, fields } of effects.notes) this.#options.logger.info(message, fields)
      const records = effects.records.map(record => this.#options.encode(record))
      const nowMs = this.#options.clock.monotonicMs()
      this.#release(this.#queue.add(records, effects.replies, nowMs))
      this.#armTimeout()
      this.#arm(effects.deadlineMs)
      this.#append()
    } catch (error) {
      this.#break(error)
    }
  }

  /** Appends what has gathered, unless something is on its way already. */
  #append(): void {
    const queue = this.#queue
    const records = queue.begin()
    if (records === null) {
      if (queue.isIdle) this.#onIdle?.()
      return
    }
    const { log, batchSizeMax } = this.#options
    const appends = splitBySize(records, batchSizeMax).map(each => log.appendRecords(each))
    allSettled(appends)
      .then(results => {
        // A shard that has been reloaded since has another queue.
        if (queue !== this.#queue) return
        const failed = results.find(result => !result.ok)
        if (failed !== undefined && !failed.ok) return this.#fail(failed.error, failed.detail)
        this.#isFailing = false
        this.#release(queue.finish())
        this.#append()
      })
      .catch((error: unknown) => this.#break(error))
  }

  #release(replies: ReadonlyArray<Answered<Reply>>): void {
    for (const { ticket, reply } of replies) this.#answer(ticket, success(reply))
  }

  #answer(ticket: Ticket, answer: Result<Reply, ShardError>): void {
    const resolve = this.#waiting.get(ticket)
    assert(resolve !== undefined, 'a ticket is answered once')
    this.#waiting.delete(ticket)
    resolve(answer)
  }

  #fail(error: string, detail: string | null): void {
    this.#options.logger.error('coordinator shard cannot write its log, and reads it anew', {
      shard: this.#options.name,
      error,
      detail
    })
    this.#reset()
    if (this.#isClosed) return
    // A new machine may write at once: on a disk that takes nothing that would go on and on.
    if (this.#isFailing) this.#reloadLater()
    else this.#reload()
    this.#isFailing = true
  }

  #reloadLater(): void {
    this.#alarm = this.#options.clock.schedule(shardReloadDelayMs, () => this.#reload())
  }

  #reload(): void {
    this.#alarm = null
    this.load().catch((error: unknown) => this.#break(error))
  }

  #break(error: unknown): void {
    this.#reset()
    this.#isClosed = true
    this.#options.onBroken(error)
  }

  #reset(): void {
    this.#disarm()
    this.#disarmTimeout()
    this.#machine = null
    this.#queue = new AppendQueue()
    this.#abandonAll()
    this.#onIdle?.()
  }

  #abandonAll(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const resolve of waiting) resolve(failure('NOT_COORDINATOR'))
  }

  /**
   * One alarm, never later than the machine's deadline. One that comes too early finds nothing to
   * do.
   */
  #arm(deadlineMs: number | null): void {
    if (this.#isClosed || deadlineMs === null || deadlineMs >= this.#alarmMs) return
    this.#disarm()
    this.#alarmMs = deadlineMs
    const delayMs = Math.max(deadlineMs - this.#options.clock.monotonicMs(), 0)
    this.#alarm = this.#options.clock.schedule(delayMs, () => {
      this.#alarm = null
      this.#alarmMs = Infinity
      this.#carryOut(machine => machine.tick(this.#now()))
    })
  }

  #disarm(): void {
    this.#alarm?.cancel()
    this.#alarm = null
    this.#alarmMs = Infinity
  }

  /**
   * An alarm whose reply has left in time is let ring: each write would cost a timer otherwise.
   */
  #armTimeout(): void {
    const { clock, writeTimeoutMs } = this.#options
    const sinceMs = this.#queue.heldSinceMs
    if (this.#timeoutAlarm !== null || sinceMs === null) return
    const delayMs = sinceMs + writeTimeoutMs - clock.monotonicMs()
    this.#timeoutAlarm = clock.schedule(delayMs, () => {
      this.#timeoutAlarm = null
      const late = this.#queue.takeHeldSince(clock.monotonicMs() - writeTimeoutMs)
      for (const { ticket } of late) this.#answer(ticket, failure('REQUEST_TIMED_OUT'))
      this.#armTimeout()
    })
  }

  #disarmTimeout(): void {
    this.#timeoutAlarm?.cancel()
    this.#timeoutAlarm = null
  }

  #now(): Moment {
    const { clock } = this.#options
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
  }
}
