import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What is asked of Apache Kafka's own code about the segments in a folder. */
export type CleanerRequest =
  | {
      /** Compacts or deletes, as Kafka would at the moment; `describe` changes nothing. */
      readonly action: 'clean' | 'retain'
      /** Of `.log` files only, named `<topic>-<partition>`; nothing else is in its parent. */
      readonly folder: string
      readonly wallMs: number
      readonly logStartOffset: number
      /** Where the last compaction ended; -1 when there was none. */
      readonly lastFirstDirtyOffset: number
      readonly dedupeBufferSize: number
      readonly dedupeLoadFactor: number
      /** By Kafka's names. */
      readonly configs: Readonly<Record<string, string | number>>
    }
  | { readonly action: 'describe'; readonly folder: string }

/** A batch as Kafka reads it; records are [offset, timestamp, key, value, …headers] in Base64. */
export interface DescribedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly isControl: boolean
  readonly records: readonly (readonly (number | string | null)[])[]
}

export interface DescribedSegment {
  readonly baseOffset: number
  readonly batches: readonly DescribedBatch[]
}

export interface CleanerAnswer {
  /** What is there afterwards. */
  readonly segments: readonly DescribedSegment[]
  readonly logStartOffset: number
  /** Of a compaction. */
  readonly isWanted: boolean
  readonly lastStableOffset: number
  readonly firstDirtyOffset: number
  readonly nextDirtyOffset: number
  readonly cleanableRatio: number
}

/** `KafkaCleaner.java` in a process of its own, which answers one request after the other. */
export class KafkaCleaner {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>
  readonly #lines: Interface
  #complaints = ''

  /** @param libraries the folder of the jars of Apache Kafka 4.4 */
  constructor(libraries: string) {
    const source = fileURLToPath(new URL('KafkaCleaner.java', import.meta.url))
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off'
    this.#process = spawn('java', ['-Xmx256m', quiet, '-cp', join(libraries, '*'), source])
    this.#process.stderr.on('data', (piece: Buffer) => (this.#complaints += piece.toString()))
    this.#lines = createInterface(this.#process.stdout)
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  /** @throws when Kafka's code throws, or Java cannot run it */
  async ask(request: CleanerRequest): Promise<CleanerAnswer> {
    this.#complaints = ''
    this.#process.stdin.write(`${JSON.stringify(request)}\n`)
    const line = await this.#answers.next()
    if (line.done === true) throw new Error(`Java has ended: ${this.#complaints}`)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- KafkaCleaner.java says so
    const answer = JSON.parse(line.value) as CleanerAnswer & { readonly error?: string }
    if (answer.error !== undefined) throw new Error(`${answer.error}\n${this.#complaints}`)
    return answer
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'close')
    this.#process.stdin.end()
    if (this.#process.exitCode === null) await ended
  }
}
