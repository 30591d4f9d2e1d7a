import type { DurabilityMode } from '../../config/durability-mode.ts'
import { BufferPool } from './buffer-pool.ts'
import { Coalesced } from './coalesced.ts'
import { FileCache, openFilesFor } from './file-cache.ts'
import { Flusher } from './flusher.ts'
import { IndexCache } from './index-cache.ts'
import type { LogContext } from './log-context.ts'
import { RecentReads } from './recent-reads.ts'
import { Remover } from './remover.ts'
import { roomyFiles } from './roomy-files.ts'
import { SpaceWatch } from './space-watch.ts'
import { syncNames } from './sync-names.ts'

/** What a log directory brings along. */
export type DirectoryMeans = Pick<
  LogContext,
  'files' | 'clock' | 'random' | 'logger' | 'durability' | 'path'
> & {
  /** Bytes that clients leave free; 0 if left out. */
  readonly minFreeSize?: number
}

/** What the logs of one directory share, and where its failure is declared. */
export class DirectoryContext implements LogContext {
  readonly files
  readonly clock
  readonly random
  readonly logger
  readonly durability
  readonly path
  readonly buffers = new BufferPool()
  readonly recentReads = new RecentReads(this.buffers)
  readonly indexes = new IndexCache()
  readonly cache: FileCache
  readonly flusher: Flusher
  readonly remover: Remover
  readonly space: SpaceWatch
  /** Empty until the directory has a cluster. */
  clusterId = ''
  readonly #pathSync: Coalesced
  readonly #onFailure: (error: Error) => void
  #failure: Error | null = null

  constructor(means: DirectoryMeans, onFailure: (error: Error) => void) {
    const { files, clock, random, logger, durability, path } = means
    this.files = roomyFiles(files, () => this.cache.makeRoom())
    this.clock = clock
    this.random = random
    this.logger = logger
    this.durability = durability
    this.path = path
    this.cache = new FileCache(this.files, openFilesFor(files.descriptorsMax))
    this.flusher = new Flusher(error => this.fail(error))
    this.space = new SpaceWatch({ files, clock, logger, path, minFreeSize: means.minFreeSize ?? 0 })
    this.remover = new Remover({ files, clock, logger, isSpaceLow: () => this.space.isLow })
    this.#pathSync = new Coalesced(() => syncNames(this, path))
    this.#onFailure = onFailure
  }

  get failure(): Error | null {
    return this.#failure
  }

  /**
   * Sticky: what the disk has of bytes whose sync failed is unknown, and a second sync would hide
   * it.
   */
  fail(error: unknown): void {
    if (this.#failure !== null) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.logger.error('the log directory failed; nothing is written any more', {
      path: this.path,
      error: this.#failure.message
    })
    this.#onFailure(this.#failure)
  }

  async syncPath(): Promise<void> {
    try {
      await this.#pathSync.request()
    } catch (error) {
      // Also where the caller could do without: another sync would pass over what is in doubt now.
      this.fail(error)
      throw error
    }
  }
}

/** The same for a log that has a durability of its own. */
export function withDurability(
  directory: DirectoryContext,
  durability: DurabilityMode
): LogContext {
  if (durability === directory.durability) return directory
  return {
    // oxlint-disable-next-line typescript/no-misused-spread -- the rest follows
    ...directory,
    durability,
    get clusterId() {
      return directory.clusterId
    },
    get failure() {
      return directory.failure
    },
    fail: error => directory.fail(error),
    syncPath: () => directory.syncPath()
  }
}
