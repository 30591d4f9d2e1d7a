import { assert } from '../../base/assert.ts'
import type { DurabilityMode } from '../../config/durability-mode.ts'
import type { Clock } from '../../io/clock.ts'
import { fileSize, type DirectoryLock, type Files } from '../../io/files.ts'
import type { Random } from '../../io/random.ts'
import { logsTogetherMax } from '../../limits.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { LogConfigs } from '../partition-log.ts'
import {
  formatPartitionMetadata,
  parsePartitionMetadata,
  readText,
  replaceText,
  writeDerivedText
} from './checkpoint.ts'
import {
  asideFolderName,
  cleanShutdownName,
  isDeletedFolderName,
  logSuffix,
  metaPropertiesName,
  parsePartitionFolderName,
  parseSegmentName,
  partitionFolderName,
  partitionMetadataName,
  sidecarSuffix
} from './file-names.ts'
import { DirectoryContext, withDurability } from './directory-context.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { LocalLog } from './local-log.ts'
import type { LogName } from './log-context.ts'
import { cleanShutdownText, lockDirectory, type LockedDirectory } from './log-directory-open.ts'
import { mapConcurrently } from './map-concurrently.ts'
import { formatMetaProperties, logDirectoryFormatVersion } from './meta-properties.ts'
import { OffsetCheckpoints, writeOffsetCheckpoints } from './offset-checkpoints.ts'
import { recoverLog, type RecoveredLog } from './recovery.ts'
import { Scrubber, type ScrubConfigs } from './scrubber.ts'
import { Sidecar } from './sidecar.ts'

export interface LogDirectoryOptions {
  readonly files: Files
  /** Absolute. */
  readonly path: string
  readonly durability: DurabilityMode
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /**
   * Bytes of the file system that clients leave free; -1: a twentieth, 512 MiB at most; 0 if left
   * out.
   */
  readonly minFreeSize?: number
  /** Hears once that a write or a sync failed: nothing is written or acknowledged from then on. */
  onFailure(error: Error): void
}

/** A folder that holds the logs of many partitions, and all that they share. */
export class LogDirectory {
  readonly path: string
  /** Whether everything was made durable by the last shutdown; true for a new directory. */
  readonly cleanStart: boolean
  readonly #options: LogDirectoryOptions
  readonly #lock: DirectoryLock
  readonly #context: DirectoryContext
  readonly #logs = new Map<string, LocalLog>()
  /** Folders of logs that could not be read. */
  readonly #unreadable = new Set<string>()
  /** Names of the partition folders that are there, so that opening many logs looks only once. */
  readonly #folders: Set<string>
  readonly #checkpoints: OffsetCheckpoints
  #nodeId: number | null
  #scannedSize = 0
  #isClosed = false

  private constructor(options: LogDirectoryOptions, locked: LockedDirectory) {
    this.#options = options
    this.path = options.path
    this.#lock = locked.lock
    this.cleanStart = locked.cleanStart
    this.#nodeId = locked.meta?.nodeId ?? null
    this.#context = new DirectoryContext(options, error => {
      for (const log of this.#logs.values()) log.failed(error)
      options.onFailure(error)
    })
    this.#context.clusterId = locked.meta?.clusterId ?? ''
    this.#folders = new Set()
    for (const { name, kind } of options.files.list(this.path)) {
      if (kind === 'directory') this.#folders.add(name)
    }
    const { files, logger } = options
    if (locked.isMarkDamaged) {
      logger.warn('the mark of a clean shutdown is damaged; all is checked as after a crash', {
        path: `${this.path}/${cleanShutdownName}`
      })
    }
    this.#checkpoints = new OffsetCheckpoints(files, this.path, this.cleanStart, logger)
    for (const name of this.#folders) {
      if (!isDeletedFolderName(name)) continue
      this.#context.remover.removeFolderLater(`${this.path}/${name}`, 0)
    }
    this.#context.space.start()
  }

  /**
   * Takes a log directory: locks it, and checks that it is ours. A folder that is missing is made.
   *
   * @throws LogDirectoryError LOCKED, UNREADABLE, FOREIGN, NEWER_FORMAT or NOT_A_DIRECTORY
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    assert(options.path.startsWith('/'), 'the path of a log directory is absolute')
    return new LogDirectory(options, await lockDirectory(options.files, options.path))
  }

  /** Null until `initialize`. */
  get clusterId(): string | null {
    return this.#nodeId === null ? null : this.#context.clusterId
  }

  /** Null until `initialize`. */
  get nodeId(): number | null {
    return this.#nodeId
  }

  /** What a write or a sync has failed with, from which on nothing is written; null: none has. */
  get failure(): Error | null {
    return this.#context.failure
  }

  /** The logs that are open. */
  get logs(): Iterable<LocalLog> {
    return this.#logs.values()
  }

  /**
   * Bytes of batches that were checked to open the logs: what a crash left behind the last marks.
   */
  get scannedSize(): number {
    return this.#scannedSize
  }

  /** Gives a new directory its cluster; durable when the promise resolves. */
  async initialize(clusterId: string, nodeId = 0): Promise<void> {
    assert(this.#nodeId === null, 'a log directory is initialized once')
    const meta = { clusterId, nodeId, formatVersion: logDirectoryFormatVersion }
    const path = `${this.path}/${metaPropertiesName}`
    await replaceText(this.#options.files, path, formatMetaProperties(meta))
    this.#context.clusterId = clusterId
    this.#nodeId = nodeId
  }

  /**
   * Opens a log; one that is not on disk begins empty at `startOffset`. It may be more durable than
   * the others.
   *
   * @throws LogDirectoryError when the folder holds segments of another partition or a newer
   *   version
   * @throws FileError when it cannot be read
   */
  async openLog(
    name: LogName,
    configs: LogConfigs,
    startOffset = 0,
    durability = this.#options.durability
  ): Promise<LocalLog> {
    const folder = partitionFolderName(name)
    assert(this.#nodeId !== null, 'a log directory is initialized before a log is opened')
    assert(!this.#isClosed, 'logs are opened while the directory is open')
    assert(!this.#logs.has(folder), 'a log is opened once')
    const context = withDurability(this.#context, durability)
    const isThere = this.#folders.has(folder) && !this.#setAsideStray(name, folder)
    const checkpointed = this.#checkpoints.of(name)
    const recovered = isThere
      ? await recoverLog(context, {
          folder: `${this.path}/${folder}`,
          name,
          configs,
          isClean: this.cleanStart,
          checkpointedStartOffset: checkpointed.logStartOffset,
          checkpointedEndOffset: checkpointed.logEndOffset
        })
      : emptyLog(startOffset)
    if (isThere) this.#checkpoints.compare(name, recovered)
    this.#scannedSize += recovered.scannedSize
    const log = new LocalLog(context, name, configs, recovered, isThere)
    this.#logs.set(folder, log)
    this.#folders.add(folder)
    await log.settle(recovered.isCut)
    return log
  }

  /**
   * Lets go of a log that the disk does not give back, open or not, until the next start. Its files
   * stay as they are.
   */
  async setApart(name: LogName): Promise<void> {
    const folder = partitionFolderName(name)
    const log = this.#logs.get(folder)
    this.#logs.delete(folder)
    this.#unreadable.add(folder)
    await log?.abandon()
  }

  /** The folders of logs that were set apart. */
  get unreadable(): readonly string[] {
    return [...this.#unreadable].map(folder => `${this.path}/${folder}`)
  }

  /**
   * Closes a log and gives its folder a name that nobody opens again; the removal of its files
   * comes later. Durable when the promise resolves: a removed log does not return.
   */
  async removeLog(name: LogName): Promise<void> {
    const folder = partitionFolderName(name)
    const log = this.#logs.get(folder)
    const delayMs = log?.fileDeleteDelayMs ?? 0
    this.#logs.delete(folder)
    this.#unreadable.delete(folder)
    await log?.abandon()
    const { files, random } = this.#options
    if (!files.exists(`${this.path}/${folder}`)) this.#folders.delete(folder)
    if (!this.#folders.has(folder)) return
    const aside = `${this.path}/${asideFolderName(name, random.bytes(16), 'delete')}`
    files.rename(`${this.path}/${folder}`, aside)
    // Not before: a folder that kept its name would be an empty log for the next such topic.
    this.#folders.delete(folder)
    // In the mode `os` too: files that are removed before the name is durable leave a broken log
    // when the power brings the name back.
    if (this.#options.durability !== 'memory') await this.#context.syncPath()
    this.#context.remover.removeFolderLater(aside, delayMs)
  }

  /** Whether there is anything of a log. */
  has(name: LogName): boolean {
    return this.#folders.has(partitionFolderName(name))
  }

  /** The first folder of a partition that holds records; null when none does. */
  folderWithRecords(): string | null {
    const { files } = this.#options
    const holdsRecords = (folder: string): boolean => {
      if (parsePartitionFolderName(folder) === null) return false
      const path = `${this.path}/${folder}`
      const logs = files.list(path).filter(({ name }) => parseSegmentName(name, logSuffix) !== null)
      return logs.some(({ name }) => fileSize(files, `${path}/${name}`) > 0)
    }
    return [...this.#folders].sort().find(holdsRecords) ?? null
  }

  /**
   * Moves the folders of partitions that nobody knows aside: a crash left them, or somebody put
   * them there.
   *
   * @returns what they are called now
   */
  moveUnknownAside(known: Iterable<LogName>): readonly string[] {
    // Who knows them may have been read in part only.
    if (this.failure !== null) return []
    const { files, random } = this.#options
    const expected = new Set([...known].map(partitionFolderName))
    const moved: string[] = []
    for (const folder of this.#folders) {
      const name = parsePartitionFolderName(folder)
      if (name === null || expected.has(folder)) continue
      const aside = `${this.path}/${asideFolderName(name, random.bytes(16), 'stray')}`
      files.rename(`${this.path}/${folder}`, aside)
      this.#folders.delete(folder)
      moved.push(aside)
    }
    return moved
  }

  /**
   * Lets go at once and leaves everything as it is, for the next start to recover. After `close` it
   * does nothing.
   */
  async abandon(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#context.space.stop()
    try {
      await this.#context.remover.stop()
      await Promise.all([...this.#logs.values()].map(log => log.abandon()))
    } finally {
      this.#lock.release()
    }
  }

  /** What looks at the sealed segments of all logs from time to time; it is to be started. */
  scrubber(configs: ScrubConfigs, onFailure: (error: unknown) => void): Scrubber {
    const logs = (): Iterable<LocalLog> => this.#logs.values()
    return new Scrubber({ context: this.#context, logs, ...configs, onFailure })
  }

  /** Size of all batches of all logs, bytes. */
  totalSize(): number {
    let size = 0
    for (const log of this.#logs.values()) size += log.size
    return size
  }

  /** Whether so little is free that records and topics of clients are refused. */
  get isSpaceLow(): boolean {
    return this.#context.space.isLow
  }

  /** Flushes of logs that have ended: while it grows, the disk does not stand still. */
  get flushCount(): number {
    return this.#context.flusher.finishedCount
  }

  /** Bytes that may still be written. */
  usableSize(): number {
    return this.#options.files.freeSize(this.path)
  }

  /**
   * Makes everything durable, marks the shutdown as clean and lets go. After a failure it only lets
   * go.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#context.space.stop()
    const logs = [...this.#logs.values()]
    try {
      await this.#context.remover.stop()
      await mapConcurrently(logs, logsTogetherMax, log => log.close())
      // What could not be read could not be recovered either: that is left to the next start.
      const isWhole = this.#context.failure === null && this.#unreadable.size === 0
      if (isWhole && this.#nodeId !== null) await this.#markClean(logs)
    } finally {
      this.#lock.release()
    }
  }

  async #markClean(logs: readonly LocalLog[]): Promise<void> {
    const { files } = this.#options
    // A log that never held a record has no folder, and nothing to note.
    const written = logs.filter(log => files.exists(log.folder.path))
    await writeOffsetCheckpoints(files, this.path, written)
    await replaceText(files, `${this.path}/${cleanShutdownName}`, cleanShutdownText)
  }

  /**
   * A folder of another topic with the same name is what a crash left of a topic that was deleted.
   * It is never opened and never deleted, but moved aside.
   */
  #setAsideStray(name: LogName, folder: string): boolean {
    const { files, logger, random } = this.#options
    const path = `${this.path}/${folder}`
    const topicId = topicIdOf(this.#options, path, name.topicId)
    if (topicId === name.topicId) return false
    const aside = `${this.path}/${asideFolderName(name, random.bytes(16), 'stray')}`
    files.rename(path, aside)
    this.#folders.delete(folder)
    logger.warn('a folder belongs to another topic of the same name and was moved aside', {
      folder: path,
      topicId,
      movedTo: aside
    })
    return true
  }
}

/**
 * Whose folder it is: what `partition.metadata` says if that is `expected`. Otherwise the sidecars
 * are asked, since that file has no checksum and is synced by nobody: a power cut or a flipped bit
 * must not send a log away.
 */
function topicIdOf(
  { files, logger }: Pick<LogDirectoryOptions, 'files' | 'logger'>,
  path: string,
  expected: string
): string {
  const metadataPath = `${path}/${partitionMetadataName}`
  const text = readText(files, metadataPath)
  const noted = parsePartitionMetadata(text ?? '')
  if (noted === expected) return expected
  for (const { name } of files.list(path)) {
    if (!name.endsWith(sidecarSuffix)) continue
    const identity = Sidecar.readIdentity(files, `${path}/${name}`)
    if (typeof identity !== 'object') continue
    const topicId = identity.topicId.toString('base64url')
    if (topicId === expected) {
      logger.warn('a file is missing or damaged and is written anew', { path: metadataPath })
      writeDerivedText(files, metadataPath, formatPartitionMetadata(expected))
    }
    return topicId
  }
  return noted ?? expected
}

function emptyLog(startOffset: number): RecoveredLog {
  return {
    segments: [],
    epochs: new LeaderEpochs(),
    logStartOffset: startOffset,
    logEndOffset: startOffset,
    durableEnd: { offset: startOffset, segment: null, position: 0 },
    isCrashed: false,
    isCut: false,
    damage: [],
    snapshotOffsets: [],
    scannedSize: 0
  }
}
