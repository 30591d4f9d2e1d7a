import { manualClock } from '../../src/io/manual-clock.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { baseOffset, batchSize, lastOffset } from '../../src/record/batch.ts'
import { silentLogger, type Logger } from '../../src/telemetry/logger.ts'
import { Draws } from './draws.ts'
import { Life } from './life.ts'
import { committed } from './plane-check.ts'
import { isRefusal, PlaneRun, type RunStep } from './plane-run.ts'
import { Plane } from './plane.ts'
import type { DirectoryNode, FileNode, SimDisk } from './sim-disk.ts'

/** One bit of one file. */
export interface Flip {
  readonly path: string
  readonly position: number
  readonly bit: number
}

/** How a data directory was left. */
export type Ending = 'stop' | 'crash'

/**
 * What a broker made of a flipped bit: it said so, or it was without effect on every answer; or it
 * served something else, or hid what is intact, or kept silent about a batch that is damaged.
 */
export type Verdict = 'reported' | 'without effect' | 'wrong' | 'removed' | 'silent'

export interface Judged {
  readonly flip: Flip
  readonly verdict: Verdict
  readonly detail: string
}

const produce = (topic: number, partition: number, producer: number, valueSize = 60): RunStep => {
  return { type: 'produce', topic, partition, producer, count: 2, valueSize }
}
const settle: RunStep = { type: 'settle' }

/** Topics with several segments, leader epochs, configs, deleted records and committed offsets. */
const filling: readonly RunStep[] = [
  { type: 'createTopic', topic: 0 },
  { type: 'createTopic', topic: 2 },
  { type: 'newProducer', producer: 0 },
  settle,
  ...Array.from({ length: 8 }, () => produce(0, 0, 0)),
  ...Array.from({ length: 3 }, () => produce(2, 1, 2, 700)),
  { type: 'alterTopic', topic: 0 },
  { type: 'commit', group: 0, topic: 0, partition: 0 },
  settle,
  { type: 'deleteRecords', topic: 0, partition: 0, share: 0.2 },
  settle,
  { type: 'crash', kind: 'process', at: { share: 1 }, torn: 0, seed: 1 },
  produce(0, 0, 0),
  produce(2, 0, 0),
  settle,
  { type: 'stop' },
  ...Array.from({ length: 7 }, () => produce(0, 0, 0)),
  produce(2, 1, 2),
  { type: 'commit', group: 1, topic: 2, partition: 1 },
  settle
]

/** A data directory in which everything is acknowledged. */
export async function filledDisk(ending: Ending, seed: number): Promise<SimDisk> {
  const run = new PlaneRun({ durability: 'fsync', seed })
  for (const step of filling) await run.do(step)
  const crash = { kind: 'process', torn: 0, seed } as const
  if (ending === 'crash') {
    const { life } = run.world!
    return life.crashed({ ...crash, after: life.now })
  }
  const { life } = await run.stop()
  return life.crashed({ ...crash, after: life.now })
}

interface FoundFile {
  readonly path: string
  readonly node: FileNode
}

function* filesOf(disk: SimDisk, directory: DirectoryNode, path: string): Iterable<FoundFile> {
  for (const [name, id] of directory.live) {
    const node = disk.node(id)
    if (node.kind === 'file') yield { path: `${path}/${name}`, node }
    else yield* filesOf(disk, node, `${path}/${name}`)
  }
}

/** What kind of file it is: its suffix or its name, apart for each of the broker's own topics. */
export function kindOf(path: string): string {
  const [folder = '', name = ''] = path.split('/').slice(-2)
  const suffix = /^\d{20}(\.\w+)$/.exec(name)?.[1]
  if (suffix === undefined) return name
  return folder.startsWith('__') ? `${folder.replace(/-\d+$/, '')} ${suffix}` : suffix
}

/** Flips in every kind of file, as many in each, at any position. */
export function* randomFlips(disk: SimDisk, count: number, seed: number): Iterable<Flip> {
  const draws = new Draws(seed)
  const kinds = new Map<string, FoundFile[]>()
  for (const file of filesOf(disk, disk.root, '')) {
    if (file.node.live.size === 0) continue
    const kind = kindOf(file.path)
    kinds.set(kind, [...(kinds.get(kind) ?? []), file])
  }
  const names = [...kinds.keys()]
  for (let index = 0; index < count; index++) {
    const { path, node } = draws.pick(kinds.get(names[index % names.length]!)!)
    yield { path, position: draws.below(node.live.size), bit: draws.below(8) }
  }
}

/** Everything that clients can learn of a broker, as text; an error stands for what it hides. */
type Answers = ReadonlyMap<string, string>

const errorMark = 'error '

async function answersOf(plane: Plane, known: Answers | null): Promise<Answers> {
  const answers = new Map<string, string>()
  for (const topic of plane.cluster.topics()) {
    const configs = JSON.stringify([...topic.configOverrides])
    answers.set(`topic ${topic.name}`, `${topic.topicId} ${topic.partitions.length} ${configs}`)
    for (const partition of topic.partitions) await readPartition(partition, known, answers)
  }
  await readPartition(plane.storage.metadata, known, answers)
  for (const group of ['group-0', 'group-1']) {
    try {
      const offsets = [...(await committed(plane, group))].map(pair => pair.join(' ')).sort()
      answers.set(`commits ${group}`, offsets.join())
    } catch (error) {
      answers.set(`commits ${group}`, errorMark + String(error))
    }
  }
  return answers
}

/** Reads batch after batch; where one is hidden, from where the next one is known to begin. */
async function readPartition(
  partition: Partition,
  known: Answers | null,
  answers: Map<string, string>
): Promise<void> {
  const name = `${partition.topic}-${partition.partition}`
  const { logStartOffset, logEndOffset } = partition
  answers.set(`${name} bounds`, `${logStartOffset} to ${logEndOffset}`)
  const nextKnown = knownOffsets(known, name)
  for (let offset = logStartOffset; offset < logEndOffset;) {
    const read = await partition.read({
      fromOffset: offset,
      maxBytes: 1,
      isolationLevel: 'READ_UNCOMMITTED',
      currentLeaderEpoch: -1,
      minOneBatch: true
    })
    if (!read.ok || read.value.bytes.length === 0) {
      answers.set(`${name} ${offset}`, errorMark + (read.ok ? 'nothing' : read.error))
      offset = nextKnown.find(each => each > offset) ?? logEndOffset
      continue
    }
    const { bytes } = read.value
    const at = baseOffset(bytes, 0)
    answers.set(`${name} ${Math.max(at, offset)}`, bytes.toString('latin1', 0, batchSize(bytes, 0)))
    offset = lastOffset(bytes, 0) + 1
    read.value.release()
  }
  for (const timestamp of [0, 1_700_000_000_000, 1_700_000_000_150, -3]) {
    const listed = await partition.listOffset(timestamp, 'READ_UNCOMMITTED', -1)
    const text = listed.ok ? `${listed.value.offset} ${listed.value.timestampMs}` : errorMark
    answers.set(`${name} at ${timestamp}`, text)
  }
}

function knownOffsets(known: Answers | null, name: string): readonly number[] {
  const offsets: number[] = []
  for (const key of known?.keys() ?? []) {
    const match = /^(.+) (\d+)$/.exec(key)
    if (match?.[1] === name) offsets.push(Number(match[2]))
  }
  return offsets
}

interface Started {
  /** Null: the start was refused, in words. */
  readonly answers: Answers | null
  readonly lines: readonly string[]
}

async function started(disk: SimDisk, known: Answers | null): Promise<Started> {
  const lines: string[] = []
  const life = new Life(disk, { seed: 1 })
  let plane: Plane
  try {
    plane = await Plane.open({
      files: life.files,
      clock: manualClock(1_700_000_100_000),
      seed: 1,
      durability: 'fsync',
      logger: noteLogger(lines)
    })
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { answers: null, lines: [...lines, String(error)] }
  }
  try {
    return { answers: await answersOf(plane, known), lines }
  } finally {
    await plane.abandon()
    life.files.stop()
  }
}

/** Collects what an operator is told. */
function noteLogger(lines: string[]): Logger {
  const note = (message: string, fields?: unknown): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const logger: Logger = { ...silentLogger, warn: note, error: note, child: () => logger }
  return logger
}

/** A data directory, and what a broker answers that starts on it. */
export class CorruptionBench {
  readonly disk: SimDisk
  readonly #answers: Answers

  private constructor(disk: SimDisk, answers: Answers) {
    this.disk = disk
    this.#answers = answers
  }

  static async make(ending: Ending, seed: number): Promise<CorruptionBench> {
    const disk = await filledDisk(ending, seed)
    const { answers } = await started(disk, null)
    return new CorruptionBench(disk, answers!)
  }

  /** Flips the bit in a copy of the directory, starts on it and asks for everything. */
  async judge(flip: Flip): Promise<Judged> {
    const disk = this.disk.copy()
    const file = [...filesOf(disk, disk.root, '')].find(({ path }) => path === flip.path)!
    const byte = Buffer.alloc(1)
    file.node.live.read(byte, flip.position)
    byte[0]! ^= 1 << flip.bit
    disk.apply({ type: 'write', node: file.node.id, position: flip.position, bytes: byte })
    const batch = flip.path.endsWith('.log') ? this.#readableBatch(flip) : null
    try {
      const { answers, lines } = await started(disk, this.#answers)
      const differing = answers === null ? [] : this.#differences(answers, flip, batch)
      const judged = verdictOf(differing, lines.length > 0, batch !== null)
      return { flip, ...judged, detail: judged.detail || (lines[0] ?? '') }
    } catch (error) {
      return { flip, verdict: 'wrong', detail: String(error) }
    }
  }

  /** The offset of the batch that the bit is in; null when it is below the log start offset. */
  #readableBatch(flip: Flip): number | null {
    const offset = batchAt(this.disk, flip)
    const [folder = ''] = flip.path.split('/').slice(-2)
    return this.#answers.has(`${folder} ${offset}`) ? offset : null
  }

  #differences(answers: Answers, flip: Flip, batch: number | null): readonly Difference[] {
    const differences: Difference[] = []
    const [folder = ''] = flip.path.split('/').slice(-2)
    for (const key of new Set([...this.#answers.keys(), ...answers.keys()])) {
      const expected = this.#answers.get(key)
      const found = answers.get(key)
      if (found === expected) continue
      const isHidden = found === undefined || found.startsWith(errorMark)
      const mayBeHidden = batch !== null && tellsOf(key, folder, batch)
      // A search by time may pass over a batch that is damaged, and reported.
      const isSearch = mayBeHidden && key.includes(' at ')
      const kind = mayBeHidden && (isHidden || isSearch) ? 'hidden' : isHidden ? 'removed' : 'wrong'
      differences.push({ key, kind })
    }
    return differences
  }
}

/** Whether an answer follows from a batch that is damaged. */
function tellsOf(key: string, folder: string, batch: number): boolean {
  if (key === `${folder} ${batch}` || key.startsWith(`${folder} at `)) return true
  return folder.startsWith('__consumer_offsets') && key.startsWith('commits ')
}

interface Difference {
  readonly key: string
  /** Hidden is what the flipped bit is in itself. */
  readonly kind: 'wrong' | 'removed' | 'hidden'
}

function verdictOf(
  differences: readonly Difference[],
  isTold: boolean,
  isBatch: boolean
): { readonly verdict: Verdict; readonly detail: string } {
  for (const kind of ['wrong', 'removed'] as const) {
    const found = differences.find(each => each.kind === kind)
    if (found !== undefined) return { verdict: kind, detail: found.key }
  }
  if (isTold || differences.length > 0) return { verdict: 'reported', detail: '' }
  return { verdict: isBatch ? 'silent' : 'without effect', detail: '' }
}

/** The offset of the batch that the bit is in. */
function batchAt(disk: SimDisk, flip: Flip): number {
  const { node } = [...filesOf(disk, disk.root, '')].find(({ path }) => path === flip.path)!
  const bytes = node.live.bytes()
  let at = 0
  while (at + batchSize(bytes, at) <= flip.position) at += batchSize(bytes, at)
  return baseOffset(bytes, at)
}
