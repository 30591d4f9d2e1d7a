import { createHash, type Hash } from 'node:crypto'
import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'
import { FileError } from '../../src/io/files.ts'
import { MetadataLogError } from '../../src/cluster/metadata-log.ts'
import { StartError } from '../../src/start-error.ts'
import { LogDirectoryError } from '../../src/storage/local/log-directory-error.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { mayHaveStopped, type DiskFault, type DiskFaults } from './disk-faults.ts'
import { Draws } from './draws.ts'
import { Life, type Crash, type CrashKind } from './life.ts'
import { checkStart, type StartCheck } from './plane-check.ts'
import { newModel, rollBack, type PlaneModel } from './plane-model.ts'
import { doStep, type PlaneStep } from './plane-steps.ts'
import { settle, type World } from './plane-world.ts'
import { Plane, type PlaneOptions } from './plane.ts'
import type { Plant } from './plant.ts'
import { SimDisk } from './sim-disk.ts'
import { demand, Violation } from './violation.ts'

/** The end of a life by a crash, which may be one of some time ago. */
export interface CrashStep {
  readonly type: 'crash'
  readonly kind: CrashKind
  /**
   * Where in the life: 0 to 1 of its steps on the disk, or of those since the disk first refused
   * something, or after how many of them.
   */
  readonly at: { readonly share: number; readonly sinceFault?: true } | { readonly after: number }
  /** Whether the life was on its way to an end in order. */
  readonly isClosing?: boolean
  readonly torn: number
  /** What is torn is a write to a file whose path holds this text; any write when left out. */
  readonly tornIn?: string
  readonly seed: number
}

/** What a run does: steps of clients, faults of the disk, and ends of lives. */
export type RunStep =
  | PlaneStep
  | { readonly type: 'stop' }
  /** A fault of the life that is to begin next, or of this one from now on. */
  | { readonly type: 'fault'; readonly fault: DiskFault; readonly from: 'start' | 'now' }
  /** So many bytes may be written from now on; null: the disk has room for everything. */
  | { readonly type: 'room'; readonly size: number | null }
  | CrashStep

export interface RunOptions {
  readonly durability: 'os' | 'fsync'
  readonly seed: number
  /** A planted bug. */
  readonly plant?: Plant
  /** Whether what happens on the disk is summed up in `trace`. */
  readonly isTraced?: boolean
}

/** What a run has seen. */
export interface RunCounts {
  crashes: number
  /** Planned refusals of the disk that were met. */
  faults: number
  starts: number
  /** Starts that a fault of the disk has prevented. */
  refusals: number
  /** Acknowledged batches that were gone where they may be: in the mode `os`, with the power. */
  lost: number
}

/** One life that was lived to its end, with what is needed to end it earlier. */
export interface Lived {
  readonly life: Life
  /** What was known before the start. */
  readonly before: PlaneModel
  /** What was known at the end, with the moments of this life. */
  readonly after: PlaneModel
  /** When clients could connect; Infinity for a start that was refused. */
  readonly openedAt: number
  /** Whether everything that was ever acknowledged had to be there. */
  readonly keptPromises: boolean
  readonly producers: ReadonlyMap<number, number>
  readonly wallMs: number
  readonly lastId: number
}

/**
 * A broker on a simulated disk, life after life, with what its clients know. It is started by the
 * first step that needs it.
 */
export class PlaneRun {
  readonly counts: RunCounts = { crashes: 0, faults: 0, starts: 0, refusals: 0, lost: 0 }
  readonly #options: RunOptions
  readonly #hash: Hash | null
  #draws: Draws
  #producers = new Map<number, number>()
  #lastId = 0
  #wallMs = manualClock().wallMs()
  #disk = new SimDisk()
  #model: PlaneModel = newModel()
  #keepsPromises = true
  #faults: DiskFault[] = []
  #before: PlaneModel = newModel()
  #life: Life | null = null
  #clock: ManualClock = manualClock()
  #world: World | null = null

  constructor(options: RunOptions) {
    this.#options = options
    this.#draws = new Draws(options.seed)
    this.#hash = options.isTraced === true ? createHash('sha256') : null
  }

  /** A run that goes on where a crash has ended another one's life. */
  static after(lived: Lived, crash: Crash, options: RunOptions): PlaneRun {
    const run = new PlaneRun(options)
    run.#endWith(lived, crash)
    return run
  }

  /** Sums up everything that was done to the disk and learned by clients. */
  get trace(): string {
    const hash = this.#hash?.copy() ?? createHash('sha256')
    return hash
      .update(JSON.stringify([this.#model, this.counts]))
      .digest('hex')
      .slice(0, 16)
  }

  /** Of the present life; null between two lives. */
  get world(): World | null {
    return this.#world
  }

  /** @throws Violation */
  async do(step: RunStep): Promise<void> {
    if (step.type === 'fault') {
      if (step.from === 'start') this.#faults.push(step.fault)
      else this.#life?.files.faults.add(step.fault)
      return
    }
    await this.start()
    if (step.type === 'room') this.#makeRoom(step.size)
    else if (step.type === 'stop') await this.stop()
    else if (step.type === 'crash') await this.#crash(step)
    else if (this.#world !== null) await this.#step(this.#world, step)
  }

  /**
   * Starts the broker on what its last life has left, and holds it to what clients know. Does
   * nothing when it is running, or was refused.
   *
   * @throws Violation
   */
  async start(): Promise<void> {
    if (this.#life !== null) return
    const life = new Life(this.#disk, { seed: this.#draws.seed(), faults: this.#faults })
    this.#faults = []
    this.#life = life
    this.#clock = manualClock(this.#wallMs)
    this.#before = structuredClone(this.#model)
    const complaints: string[] = []
    const plane = await this.#open(life, complaints)
    if (plane === null) return
    const isFaulty = life.files.faults.met.size > 0
    demand(isFaulty || complaints.length === 0, 'damaged', () => complaints.join('; '))
    const { faults } = life.files
    const check: StartCheck = { keepsPromises: this.#keepsPromises, lostCount: 0, faults }
    try {
      await checkStart(plane, this.#model, check)
    } catch (error) {
      if (!isStoppedBy(error, plane, faults)) throw error
      this.#model = structuredClone(this.#before)
      this.counts.refusals++
      return
    }
    this.counts.lost += check.lostCount
    this.counts.starts++
    this.#model.opened = life.now
    this.#model.wasEverOpen = true
    this.#world = {
      plane,
      life,
      model: this.#model,
      clock: this.#clock,
      waiting: new Set(),
      producers: this.#producers,
      violation: null,
      nextId: () => ++this.#lastId
    }
  }

  /** Ends the present life in order. */
  async stop(): Promise<Lived> {
    await this.#close()
    const lived = this.#lived()
    const { now } = lived.life
    this.#endAt(lived, { kind: 'process', after: now, torn: 0, seed: this.#draws.seed() })
    return lived
  }

  /** The present life as far as it has come; it goes no further. */
  cut(): Lived {
    const lived = this.#lived()
    lived.life.files.stop()
    return lived
  }

  /** Null when a fault of the disk has prevented the start. */
  async #open(life: Life, complaints: string[]): Promise<Plane | null> {
    const { durability, plant } = this.#options
    try {
      return await opened({
        files: life.files,
        clock: this.#clock,
        seed: this.#draws.seed(),
        durability,
        logger: errorLogger(complaints),
        ...(plant === undefined ? {} : { plant })
      })
    } catch (error) {
      if (!isRefusal(error) || !mayKeepFromStarting(life.files.faults))
        throw new Violation('no start', String(error))
      this.counts.refusals++
      return null
    }
  }

  async #step(world: World, step: PlaneStep): Promise<void> {
    await doStep(world, step)
    if (world.violation !== null) throw world.violation
    const { failure } = world.plane
    const mayFail = failure === null || mayHaveStopped(world.life.files.faults)
    demand(mayFail, 'failed', () => String(failure))
  }

  #makeRoom(size: number | null): void {
    const files = this.#life?.files
    if (files !== undefined) files.sizeMax = size === null ? Infinity : files.usedSize() + size
  }

  async #close(): Promise<void> {
    const world = this.#world
    if (world === null) return
    const { plane, life, model } = world
    await settle(world)
    const closing = { started: life.now, done: null as number | null }
    model.closing = closing
    let isOver = false
    const closed = plane.close().then(() => {
      // What could not be read was not recovered: nobody says then that all is in order.
      const isWhole = plane.failure === null && plane.storage.unreadable.length === 0
      if (isWhole) closing.done = life.now
    })
    const over = closed.catch(() => {}).finally(() => (isOver = true))
    // oxlint-disable-next-line eslint/no-unmodified-loop-condition -- a promise sets it
    for (let turns = 0; !isOver; turns++) {
      await new Promise(resolve => setImmediate(resolve))
      this.#clock.advance(turns % 100 === 99 ? 500 : 0)
      demand(turns < 10_000, 'stuck', () => 'the broker does not end')
    }
    await over
  }

  async #crash(step: CrashStep): Promise<void> {
    if (step.isClosing === true) await this.#close()
    const lived = this.#lived()
    const { kind, torn, seed, at } = step
    const after = 'after' in at ? at.after : momentOf(lived.life, at, step)
    this.#endWith(lived, { kind, after, torn, seed })
    this.counts.crashes++
  }

  /** The present life as it is; what goes on in it later is not seen. */
  #lived(): Lived {
    const life = this.#life
    if (life === null) throw new Violation('no start', 'there is no life to end')
    return {
      life,
      before: this.#before,
      after: this.#world?.model ?? this.#before,
      openedAt: this.#world === null ? Infinity : (this.#model.opened ?? 0),
      keptPromises: this.#keepsPromises,
      producers: this.#producers,
      wallMs: this.#clock.wallMs(),
      lastId: this.#lastId
    }
  }

  /** What is drawn after a crash follows from the crash alone. */
  #endWith(lived: Lived, crash: Crash): void {
    this.#draws = new Draws(crash.seed)
    this.#endAt(lived, crash)
  }

  #endAt(lived: Lived, crash: Crash): void {
    const { life } = lived
    life.files.stop()
    this.counts.faults += new Set(life.files.faults.refusals.map(({ fault }) => fault)).size
    if (this.#hash !== null) hashOps(this.#hash, life, crash)
    this.#disk = life.crashed(crash)
    this.#model = modelAt(lived, crash.after)
    const known = new Set(this.#model.producerIds.map(each => each.producerId))
    this.#producers = new Map([...lived.producers].filter(([, id]) => known.has(id)))
    this.#wallMs = lived.wallMs
    this.#lastId = lived.lastId
    const isPowerCut = crash.kind !== 'process'
    const wasKept = crash.after >= lived.openedAt || lived.keptPromises
    this.#keepsPromises = this.#options.durability === 'fsync' || (!isPowerCut && wasKept)
    this.#life = null
    this.#world = null
  }
}

/** The moment at a share of a life; one that tears something comes with the next such write. */
function momentOf(
  life: Life,
  { share, sinceFault }: { readonly share: number; readonly sinceFault?: true },
  { torn, tornIn = '' }: CrashStep
): number {
  const from = sinceFault === true ? (life.files.faults.refusals[0]?.moment ?? 0) : 0
  const moment = Math.min(from + Math.floor(share * (life.now - from + 1)), life.now)
  if (torn === 0) return moment
  const write = life.ops.findIndex(
    (op, index) =>
      index >= moment && op.type === 'write' && life.files.pathOf(op.node).includes(tornIn)
  )
  return write === -1 ? moment : write
}

/** What clients knew at a moment of a life. */
function modelAt(lived: Lived, moment: number): PlaneModel {
  if (moment >= lived.openedAt) {
    const model = structuredClone(lived.after)
    rollBack(model, moment)
    return model
  }
  const model = structuredClone(lived.before)
  // Whether a start that was cut off has taken the mark of the clean shutdown away is open.
  if (model.closing !== null) {
    model.opened = null
    model.closing = null
  }
  return model
}

function hashOps(hash: Hash, { ops }: Life, crash: Crash): void {
  for (const op of ops) {
    if (op.type !== 'write') hash.update(JSON.stringify(op))
    else hash.update(`${op.node} ${op.position} ${op.bytes.length}`).update(op.bytes)
  }
  hash.update(JSON.stringify(crash))
}

/**
 * Whether a start may be refused for these faults: not when the only thing that cannot be read is
 * one partition or another, as long as it is not the metadata log.
 */
function mayKeepFromStarting({ refusals }: DiskFaults): boolean {
  return refusals.some(({ fault: { call, code }, path, isForWriting }) => {
    const isOpen = call === 'open' && !isForWriting
    const isRead = code === 'EIO' && (call === 'read' || call === 'list' || isOpen)
    return !isRead || !/^\/data\/(?!__cluster_metadata)[^/]+-\d+(\/|$)/.test(path)
  })
}

/** Whether a broker answers nothing because it has stopped, as it may after such faults. */
function isStoppedBy(error: unknown, { failure }: Plane, faults: DiskFaults): boolean {
  const isSilence = error instanceof Violation && ['no start', 'damaged'].includes(error.kind)
  return isSilence && failure !== null && mayHaveStopped(faults)
}

/** Waits for a start; mostly nothing in it waits for time. */
async function opened(options: PlaneOptions & { readonly clock: ManualClock }): Promise<Plane> {
  let outcome: { plane: Plane } | { error: unknown } | null = null
  void Plane.open(options).then(
    plane => (outcome = { plane }),
    (error: unknown) => (outcome = { error })
  )
  // oxlint-disable-next-line eslint/no-unmodified-loop-condition -- a promise sets it
  for (let turns = 0; outcome === null; turns++) {
    await new Promise(resolve => setImmediate(resolve))
    options.clock.advance(turns % 100 === 99 ? 500 : 0)
    demand(turns < 10_000, 'stuck', () => 'the broker does not start')
  }
  const done = outcome as { plane: Plane } | { error: unknown }
  if ('plane' in done) return done.plane
  throw done.error
}

/** Whether a start says in words what kept it from happening. */
export function isRefusal(error: unknown): boolean {
  return [FileError, StartError, LogDirectoryError, MetadataLogError].some(
    kind => error instanceof kind
  )
}

/** Collects what is logged as an error. */
function errorLogger(complaints: string[]): Logger {
  const logger: Logger = {
    ...silentLogger,
    error: (message, fields) => void complaints.push(`${message} ${JSON.stringify(fields)}`),
    child: () => logger
  }
  return logger
}
