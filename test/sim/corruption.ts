import type { Finding } from '../../src/cli/log/findings.ts'
import { findTarget } from '../../src/cli/log/log-target.ts'
import { readOnlyFiles } from '../../src/cli/log/read-only-files.ts'
import { verifyLog } from '../../src/cli/log/verify.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { baseOffset, batchSize } from '../../src/record/batch.ts'
import { cleanShutdownName, isDeletedFolderName } from '../../src/storage/local/file-names.ts'
import { silentLogger, type Logger } from '../../src/telemetry/logger.ts'
import { answersOf, errorMark, type Answers } from './corruption-answers.ts'
import { filledDisk, passScrub, type Ending } from './corruption-filling.ts'
import { Draws } from './draws.ts'
import { Life } from './life.ts'
import { isRefusal } from './plane-run.ts'
import { Plane } from './plane.ts'
import type { DirectoryNode, FileNode, SimDisk } from './sim-disk.ts'
import { SimFiles } from './sim-files.ts'

/** One bit of one file. */
export interface Flip {
  readonly path: string
  readonly position: number
  readonly bit: number
}

/**
 * Who told of a flipped bit first: an answer or a start that was refused; a line that a start
 * logged; one that the scrub did; or nobody but `odradek log verify`.
 */
export const reports = ['answer', 'start', 'scrub', 'verify'] as const

/**
 * What is no report: something else was served; what is intact was hidden; nobody told of the bit;
 * `odradek log verify` did not; or a file that follows from others was not made anew.
 */
export const failures = ['wrong', 'removed', 'silent', 'unverified', 'not mended'] as const

/** `pointless`: the bit is in a place of which `pointlessPlaces` says why nobody looks at it. */
export type Verdict = (typeof reports)[number] | (typeof failures)[number] | 'pointless'

export interface Judged {
  readonly flip: Flip
  readonly verdict: Verdict
  readonly detail: string
}

/** Where a flipped bit is not told of, and why that is right. */
export const pointlessPlaces: readonly {
  readonly name: string
  readonly reason: string
  readonly holds: (path: string) => boolean
}[] = [
  {
    name: 'files of deleted topics and replaced segments',
    reason:
      'their removal is acknowledged; nobody opens them again, and the next start removes them',
    holds: path => path.endsWith('.deleted') || isDeletedFolderName(path.split('/').at(-2) ?? '')
  }
]

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
  if (pointlessPlaces.some(({ holds }) => holds(path))) return 'removed files'
  if (folder === 'lost-and-found') return folder
  if (folder.endsWith('-stray')) return 'stray folders'
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

/** What `odradek log verify` says of a data directory, a line for each finding. */
async function verified(disk: SimDisk): Promise<readonly (Finding & { readonly line: string })[]> {
  const files = readOnlyFiles(new SimFiles(disk, { seed: 1 }))
  const findings: (Finding & { readonly line: string })[] = []
  await verifyLog(files, findTarget(files, '/data'), finding => {
    findings.push({ ...finding, line: JSON.stringify(finding) })
  })
  return findings
}

interface Started {
  /** Null: the start was refused, in words. */
  readonly answers: Answers | null
  /** What the start has logged; with the scrub's lines behind. */
  readonly lines: readonly string[]
  readonly startLineCount: number
  /** As it is after an orderly end; null when there was no start. */
  readonly after: SimDisk | null
}

/** Starts a broker, asks for everything, lets it scrub everything, and ends it in order. */
async function lived(disk: SimDisk, known: Answers | null): Promise<Started> {
  const lines: string[] = []
  const scrubs: string[] = []
  const life = new Life(disk, { seed: 1 })
  const clock = manualClock(1_700_001_000_000)
  let plane: Plane
  try {
    plane = await Plane.open({
      files: life.files,
      clock,
      seed: 1,
      durability: 'fsync',
      logger: noteLogger(lines, scrubs)
    })
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { answers: null, lines, startLineCount: lines.length, after: null }
  }
  let isClosed = false
  try {
    const startLineCount = lines.length
    const answers = await answersOf(plane, known)
    plane.storage.startScrub()
    await passScrub(
      ms => clock.advance(ms),
      () => scrubs.length > 0
    )
    await plane.close()
    isClosed = true
    return { answers, lines, startLineCount, after: life.files.disk }
  } finally {
    if (!isClosed) await plane.abandon()
    life.files.stop()
  }
}

/** Collects what an operator is told, and how often a scrub has ended. */
function noteLogger(lines: string[], scrubs: string[]): Logger {
  const note = (message: string, fields?: unknown): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const info = (message: string): void =>
    void (message.startsWith('sealed segments') && scrubs.push(message))
  const logger: Logger = { ...silentLogger, info, warn: note, error: note, child: () => logger }
  return logger
}

/** A data directory, and what a broker answers that starts on it. */
export class CorruptionBench {
  readonly disk: SimDisk
  readonly #answers: Answers
  /** What is answered after a start that goes by no mark of a clean shutdown. */
  readonly #uncleanAnswers: Answers
  /** What the start and `odradek log verify` say without any damage. */
  readonly #usualLines: ReadonlySet<string>

  private constructor(
    disk: SimDisk,
    answers: Answers,
    uncleanAnswers: Answers,
    usualLines: ReadonlySet<string>
  ) {
    this.disk = disk
    this.#answers = answers
    this.#uncleanAnswers = uncleanAnswers
    this.#usualLines = usualLines
  }

  static async make(ending: Ending, seed: number): Promise<CorruptionBench> {
    const disk = await filledDisk(ending, seed)
    const { answers, lines } = await lived(disk, null)
    const unmarked = disk.copy()
    const files = new SimFiles(unmarked, { seed })
    if (ending === 'stop') files.remove(`/data/${cleanShutdownName}`)
    const unclean = await lived(unmarked, null)
    const said = (await verified(disk)).map(({ line }) => line)
    return new CorruptionBench(disk, answers!, unclean.answers!, new Set([...lines, ...said]))
  }

  /** What is said of the directory although nothing is damaged. */
  get usualLines(): readonly string[] {
    return [...this.#usualLines]
  }

  /** Flips the bit in a copy of the directory, and lets everybody look at it who may tell of it. */
  async judge(flip: Flip): Promise<Judged> {
    const disk = this.#flipped(flip)
    const batch = flip.path.endsWith('.log') ? this.#readableBatch(flip) : null
    const known = flip.path.endsWith(cleanShutdownName) ? this.#uncleanAnswers : this.#answers
    try {
      const found = (await verified(disk)).filter(({ line }) => !this.#usualLines.has(line))
      const life = await lived(disk, known)
      const bad =
        life.answers === null ? null : firstBad(differencesOf(known, life.answers, flip, batch))
      if (bad !== null) return { flip, verdict: bad.kind, detail: bad.key }
      const isHidden = life.answers === null || differs(known, life.answers)
      return { flip, ...(await this.#judged(flip, isHidden, found[0]?.line ?? null, life)) }
    } catch (error) {
      return { flip, verdict: 'wrong', detail: String(error) }
    }
  }

  #flipped({ path, position, bit }: Flip): SimDisk {
    const disk = this.disk.copy()
    const file = [...filesOf(disk, disk.root, '')].find(each => each.path === path)!
    const byte = Buffer.alloc(1)
    file.node.live.read(byte, position)
    byte[0]! ^= 1 << bit
    disk.apply({ type: 'write', node: file.node.id, position, bytes: byte })
    return disk
  }

  async #judged(
    { path }: Flip,
    isHidden: boolean,
    found: string | null,
    { lines, startLineCount, after }: Started
  ): Promise<Omit<Judged, 'flip'>> {
    const at = lines.findIndex(line => !this.#usualLines.has(line))
    const isTold = isHidden || at !== -1 || found !== null
    const place = pointlessPlaces.find(({ holds }) => holds(path))
    if (place !== undefined && !isTold) return { verdict: 'pointless', detail: place.name }
    if (!isTold) return { verdict: 'silent', detail: '' }
    if (found === null) return { verdict: 'unverified', detail: lines[at] ?? 'an answer' }
    if (after !== null && !isKeptAsItIs(path)) {
      const left = (await verified(after)).find(({ severity }) => severity === 'derived')
      if (left !== undefined) return { verdict: 'not mended', detail: left.line }
    }
    if (isHidden) return { verdict: 'answer', detail: found }
    if (at === -1) return { verdict: 'verify', detail: found }
    return { verdict: at < startLineCount ? 'start' : 'scrub', detail: lines[at]! }
  }

  /** The offset of the batch that the bit is in; null when it is below the log start offset. */
  #readableBatch(flip: Flip): number | null {
    const offset = batchAt(this.disk, flip)
    const [folder = ''] = flip.path.split('/').slice(-2)
    return this.#answers.has(`${folder} ${offset}`) ? offset : null
  }
}

/** Records, and what is kept for people, are nothing that could be made again from something. */
function isKeptAsItIs(path: string): boolean {
  return path.endsWith('.log') || ['lost-and-found', 'stray folders'].includes(kindOf(path))
}

interface Difference {
  readonly key: string
  /** Hidden is what the flipped bit is in itself. */
  readonly kind: 'wrong' | 'removed' | 'hidden'
}

function differs(known: Answers, answers: Answers): boolean {
  return (
    known.size !== answers.size || [...known].some(([key, value]) => answers.get(key) !== value)
  )
}

function differencesOf(
  known: Answers,
  answers: Answers,
  flip: Flip,
  batch: number | null
): readonly Difference[] {
  const differences: Difference[] = []
  const [folder = ''] = flip.path.split('/').slice(-2)
  for (const key of new Set([...known.keys(), ...answers.keys()])) {
    const expected = known.get(key)
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

/** Whether an answer follows from a batch that is damaged. */
function tellsOf(key: string, folder: string, batch: number): boolean {
  if (key === `${folder} ${batch}` || key.startsWith(`${folder} at `)) return true
  return folder.startsWith('__consumer_offsets') && key.startsWith('commits ')
}

function firstBad(
  differences: readonly Difference[]
): { readonly kind: 'wrong' | 'removed'; readonly key: string } | null {
  for (const kind of ['wrong', 'removed'] as const) {
    const found = differences.find(each => each.kind === kind)
    if (found !== undefined) return { kind, key: found.key }
  }
  return null
}

/** The offset of the batch that the bit is in. */
function batchAt(disk: SimDisk, flip: Flip): number {
  const { node } = [...filesOf(disk, disk.root, '')].find(({ path }) => path === flip.path)!
  const bytes = node.live.bytes()
  let at = 0
  while (at + batchSize(bytes, at) <= flip.position) at += batchSize(bytes, at)
  return baseOffset(bytes, at)
}
