import type { DurabilityMode } from '../../config/durability-mode.ts'
import type { Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import type { Random } from '../../io/random.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { FileCache } from './file-cache.ts'
import type { Flusher } from './flusher.ts'
import type { IndexCache } from './index-cache.ts'
import type { RecentReads } from './recent-reads.ts'
import type { Remover } from './remover.ts'
import type { SpaceWatch } from './space-watch.ts'

/** What all logs of one log directory share. */
export interface LogContext {
  readonly files: Files
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly durability: DurabilityMode
  /** The log directory. */
  readonly path: string
  readonly clusterId: string
  readonly buffers: BufferPool
  readonly recentReads: RecentReads
  readonly cache: FileCache
  readonly indexes: IndexCache
  readonly flusher: Flusher
  readonly remover: Remover
  readonly space: SpaceWatch
  /** Set once a sync or a write has failed: nothing is written or acknowledged any more. */
  readonly failure: Error | null
  /** Declares the directory failed; only the first call counts. */
  fail(error: unknown): void
  /** Makes the names in the log directory itself durable, together with all who ask at the time. */
  syncPath(): Promise<void>
}

/** Whose log it is. */
export interface LogName {
  readonly topic: string
  /** 22 characters of base64url. */
  readonly topicId: string
  readonly partition: number
}
