import type { Files } from '../../io/files.ts'
import type { Logger } from '../../telemetry/logger.ts'
import {
  formatOffsetCheckpoint,
  parseOffsetCheckpoint,
  readText,
  replaceText,
  type OffsetCheckpoint
} from './checkpoint.ts'
import {
  logStartCheckpointName,
  partitionFolderName,
  recoveryPointCheckpointName
} from './file-names.ts'
import type { LogName } from './log-context.ts'
import { isFileError } from './read-steps.ts'

/** Where a log begins and ends. */
export interface LogBounds {
  readonly logStartOffset: number
  readonly logEndOffset: number
}

const fileNames = {
  logStartOffset: logStartCheckpointName,
  logEndOffset: recoveryPointCheckpointName
} as const satisfies Record<keyof LogBounds, string>

/**
 * What a clean shutdown notes of all logs, in Kafka's two files: second copies, for when a sidecar
 * is damaged. They have no checksum and are true until the next record is written; so a start reads
 * them, compares them with what it finds, and removes them.
 */
export class OffsetCheckpoints {
  readonly #logger: Logger
  readonly #path: string
  /** Null for a file that is not there, or says nothing that can be read. */
  readonly #offsets: Record<keyof LogBounds, ReadonlyMap<string, number> | null>

  /** @param isClean false after a crash, when they may be of an earlier topic of the same name */
  constructor(files: Files, path: string, isClean: boolean, logger: Logger) {
    this.#logger = logger
    this.#path = path
    this.#offsets = {
      logStartOffset: this.#take(files, fileNames.logStartOffset, isClean),
      logEndOffset: this.#take(files, fileNames.logEndOffset, isClean)
    }
  }

  /** What is noted of a log; 0 where nothing is. */
  of(name: LogName): LogBounds {
    const folder = partitionFolderName(name)
    const { logStartOffset, logEndOffset } = this.#offsets
    return {
      logStartOffset: logStartOffset?.get(folder) ?? 0,
      logEndOffset: logEndOffset?.get(folder) ?? 0
    }
  }

  /** Tells of a file that says something else than the log, which counts. */
  compare(name: LogName, found: LogBounds): void {
    for (const which of ['logStartOffset', 'logEndOffset'] as const) {
      const offsets = this.#offsets[which]
      const noted = offsets?.get(partitionFolderName(name)) ?? null
      if (offsets === null || noted === found[which]) continue
      this.#logger.warn('a checkpoint contradicts the log, which counts', {
        path: `${this.#path}/${fileNames[which]}`,
        topic: name.topic,
        partition: name.partition,
        noted,
        found: found[which]
      })
    }
  }

  #take(files: Files, name: string, isClean: boolean): ReadonlyMap<string, number> | null {
    const path = `${this.#path}/${name}`
    if (!files.exists(path)) return null
    const entries = isClean ? parseOffsetCheckpoint(textOf(files, path)) : []
    if (entries === null) {
      this.#logger.warn('a checkpoint is damaged; the start goes without it', { path })
    }
    files.remove(path)
    if (entries === null || !isClean) return null
    return new Map(entries.map(entry => [partitionFolderName(entry), entry.offset]))
  }
}

/** Empty when the disk does not give it back. */
function textOf(files: Files, path: string): string {
  try {
    return readText(files, path) ?? ''
  } catch (error) {
    if (isFileError(error)) return ''
    throw error
  }
}

/**
 * Notes where logs begin and end, durably.
 *
 * @throws FileError when the system refuses
 */
export async function writeOffsetCheckpoints(
  files: Files,
  path: string,
  logs: ReadonlyArray<LogBounds & { readonly name: LogName }>
): Promise<void> {
  for (const which of ['logStartOffset', 'logEndOffset'] as const) {
    const entries = logs.map(({ name, [which]: offset }): OffsetCheckpoint => {
      return { topic: name.topic, partition: name.partition, offset }
    })
    await replaceText(files, `${path}/${fileNames[which]}`, formatOffsetCheckpoint(entries))
  }
}
