import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'
import type { Files } from '../../src/io/files.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import type { DiskFault } from './disk-faults.ts'
import { Draws } from './draws.ts'
import { Life, type Crash, type CrashKind } from './life.ts'
import { checkStart, type StartCheck } from './plane-check.ts'
import { isDone, newModel, rollBack, type PlaneModel } from './plane-model.ts'
import { doStep, type PlaneStep } from './plane-steps.ts'
import { settle, type World } from './plane-world.ts'
import { Plane } from './plane.ts'
import { SimDisk } from './sim-disk.ts'
import type { SimFiles } from './sim-files.ts'
import { demand, Violation } from './violation.ts'

/** What a run does: steps of clients, and ends of lives. */
export type RunStep =
  | PlaneStep
  | { readonly type: 'stop' }
  | {
      readonly type: 'crash'
      readonly kind: CrashKind
      /** Where in the life, 0 to 1. */
      readonly share: number
      readonly torn: number
      readonly seed: number
    }

export interface RunOptions {
  readonly durability: 'os' | 'fsync'
  readonly seed: number
  /** Put between the broker and its disk, for planted bugs. */
  readonly wrap?: (files: SimFiles) => Files
  /** Of the first life. */
  readonly faults?: readonly DiskFault[]
  readonly sizeMax?: number
}

/** What a run has seen. */
export interface RunCounts {
  crashes: number
  starts: number
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
  /** When clients could connect. */
  readonly openedAt: number
}

/** A broker on a simulated disk, life after life, with what its clients know. */
export class PlaneRun {
  readonly counts: RunCounts = { crashes: 0, starts: 0, lost: 0 }
  readonly clock: ManualClock
  readonly #options: RunOptions
  readonly #draws: Draws
  readonly #producers = new Map<number, number>()
  #lastId = 0
  #disk = new SimDisk()
  #model: PlaneModel = newModel()
  #keepsPromises = true
  #before: PlaneModel = newModel()
  #world: World | null = null

  constructor(options: RunOptions) {
    this.#options = options
    this.#draws = new Draws(options.seed)
    this.clock = manualClock()
  }

  /** A run that goes on where a crash has ended another one's life. */
  static after(lived: Lived, crash: Crash, options: RunOptions): PlaneRun {
    const run = new PlaneRun({ ...options, seed: crash.seed })
    run.#lastId = 1_000_000
    run.#endAt(lived, crash)
    return run
  }

  get world(): World {
    demand(this.#world !== null, 'no start', () => 'nobody has started the broker')
    return this.#world!
  }

  /** @throws Violation */
  async do(step: RunStep): Promise<void> {
    if (step.type === 'stop') {
      await this.stop()
      await this.start()
    } else if (step.type === 'crash') {
      await this.crash(step)
      await this.start()
    } else await doStep(this.world, step)
    const { violation } = this.world
    if (violation !== null) throw violation
  }

  /** Starts the broker on what its last life has left, and holds it to what clients know. */
  async start(): Promise<void> {
    const { durability, wrap, sizeMax } = this.#options
    const faults = this.counts.starts === 0 ? (this.#options.faults ?? []) : []
    const sizes = sizeMax === undefined ? {} : { sizeMax }
    const life = new Life(this.#disk, { seed: this.#draws.seed(), faults, ...sizes })
    this.#before = structuredClone(this.#model)
    const complaints: string[] = []
    const plane = await opened({
      files: wrap?.(life.files) ?? life.files,
      clock: this.clock,
      seed: this.#draws.seed(),
      durability,
      logger: errorLogger(complaints)
    })
    demand(complaints.length === 0, 'damaged', () => complaints.join('; '))
    const check: StartCheck = { keepsPromises: this.#keepsPromises, lostCount: 0 }
    await checkStart(plane, this.#model, check)
    this.counts.lost += check.lostCount
    this.counts.starts++
    this.#model.opened = life.now
    this.#model.wasEverOpen = true
    this.#world = {
      plane,
      life,
      model: this.#model,
      clock: this.clock,
      waiting: new Set(),
      producers: this.#producers,
      violation: null,
      nextId: () => ++this.#lastId
    }
  }

  /** Ends the present life in order. */
  async stop(): Promise<Lived> {
    const { plane, life, model } = this.world
    await settle(this.world)
    const closing = { started: life.now, done: null as number | null }
    model.closing = closing
    let isOver = false
    const closed = plane.close().then(() => (closing.done = life.now))
    const over = closed.catch(() => {}).finally(() => (isOver = true))
    // oxlint-disable-next-line eslint/no-unmodified-loop-condition -- a promise sets it
    for (let turns = 0; !isOver; turns++) {
      await new Promise(resolve => setImmediate(resolve))
      demand(turns < 10_000, 'stuck', () => 'the broker does not end')
    }
    await over
    const lived = this.#lived()
    this.#endAt(lived, { kind: 'process', after: life.now, torn: 0, seed: 0 })
    return lived
  }

  /** Ends the present life with a crash, which may be one of some time ago. */
  async crash(step: RunStep & { type: 'crash' }): Promise<void> {
    const { life } = this.world
    const after = Math.min(Math.floor(step.share * (life.now + 1)), life.now)
    this.#endAt(this.#lived(), { kind: step.kind, after, torn: step.torn, seed: step.seed })
    this.counts.crashes++
  }

  /** The present life as it is; what goes on in it later is not seen. */
  #lived(): Lived {
    const { life, model } = this.world
    const openedAt = model.opened ?? 0
    return { life, before: this.#before, after: model, openedAt }
  }

  #endAt(lived: Lived, crash: Crash): void {
    lived.life.files.stop()
    this.#disk = lived.life.crashed(crash)
    this.#model = modelAt(lived, crash.after)
    const isPowerCut = crash.kind !== 'process'
    const wasKept = crash.after >= lived.openedAt || this.#keepsPromises
    this.#keepsPromises = this.#options.durability === 'fsync' || (!isPowerCut && wasKept)
    this.#world = null
  }
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
  if (isDone(model.closing) || model.closing !== null) {
    model.opened = null
    model.closing = null
  }
  return model
}

async function opened(options: Parameters<typeof Plane.open>[0]): Promise<Plane> {
  let outcome: { plane: Plane } | { error: unknown } | null = null
  void Plane.open(options).then(
    plane => (outcome = { plane }),
    (error: unknown) => (outcome = { error })
  )
  // oxlint-disable-next-line eslint/no-unmodified-loop-condition -- a promise sets it
  for (let turns = 0; outcome === null; turns++) {
    await new Promise(resolve => setImmediate(resolve))
    demand(turns < 10_000, 'stuck', () => 'the broker does not start')
  }
  const done = outcome as { plane: Plane } | { error: unknown }
  if ('plane' in done) return done.plane
  throw new Violation('no start', String(done.error))
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
