import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DurabilityMode } from '../../../src/config/durability-mode.ts'
import { filesWith, type Files } from '../../../src/io/files.ts'
import { manualClock, type ManualClock } from '../../../src/io/manual-clock.ts'
import { seededRandom } from '../../../src/io/seeded-random.ts'
import { LogDirectory } from '../../../src/storage/local/log-dir.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { LogConfigs } from '../../../src/storage/partition-log.ts'
import { collectingLogger, type LoggedLine } from '../../collecting-logger.ts'
import { logConfigs } from '../batches.ts'

export const topicId = 'dG9waWMtaWQtMTIzNDU2Nw'
export const orders = { topic: 'orders', topicId, partition: 0 }

export interface TestDirectory {
  readonly files: Files
  readonly path: string
  readonly durability: DurabilityMode
  readonly clock: ManualClock
  readonly lines: LoggedLine[]
  readonly failures: Error[]
  open(): Promise<LogDirectory>
}

/** A log directory on `files` that can be opened, dropped and opened again. */
export function testDirectory(
  files: Files,
  path: string,
  durability: DurabilityMode,
  clock: ManualClock = manualClock()
): TestDirectory {
  const random = seededRandom(1)
  const lines: LoggedLine[] = []
  const failures: Error[] = []
  const logger = collectingLogger(lines)
  const onFailure = (error: Error): void => void failures.push(error)
  return {
    files,
    path,
    durability,
    clock,
    lines,
    failures,
    async open() {
      const options = { files, path, durability, clock, random, logger, onFailure }
      const directory = await LogDirectory.open(options)
      if (directory.clusterId === null) await directory.initialize('test-cluster', 7)
      return directory
    }
  }
}

/** Opens the directory and one log in it. */
export async function openOrders(
  directory: TestDirectory,
  configs: Partial<LogConfigs> = {}
): Promise<{ readonly directory: LogDirectory; readonly log: LocalLog }> {
  const opened = await directory.open()
  return { directory: opened, log: await opened.openLog(orders, logConfigs(configs)) }
}

/** A folder of its own on the real file system. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'odradek-log-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/**
 * The same files, but a lock is there for everybody: a broker that is dropped like a crashed one
 * still has it.
 */
export function crashable(files: Files, overrides: Partial<Files> = {}): Files {
  return filesWith(files, { lock: () => ({ taken: true, release: () => {} }), ...overrides })
}

/** The content of a file. */
export function contentOf(files: Files, path: string): Buffer {
  const file = files.open(path, 'read')
  const bytes = Buffer.alloc(file.size())
  file.readSync(bytes, 0)
  file.close()
  return bytes
}

/** Replaces the content of a file. */
export function putContent(files: Files, path: string, bytes: Uint8Array): void {
  const file = files.open(path, 'create')
  file.truncate(0)
  file.writeSync([bytes], 0)
  file.close()
}

/** Turns one bit of a file over. */
export function flipBit(files: Files, path: string, position: number, bit = 0): void {
  const bytes = contentOf(files, path)
  bytes[position]! ^= 1 << bit
  putContent(files, path, bytes)
}
