import type { Files } from '../../../src/io/files.ts'
import type { LogToolOutside } from '../../../src/cli/log/log-command.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import type { AppendedBatch, LogConfigs } from '../../../src/storage/partition-log.ts'
import { batchOf } from '../../storage/batches.ts'
import { openOrders, testDirectory, type TestDirectory } from '../../storage/local/directory.ts'

/** Keeps what a command prints. */
export interface PrintedOutside extends LogToolOutside {
  readonly printed: string[]
  readonly errors: string[]
}

export function printing(files: Files): PrintedOutside {
  const printed: string[] = []
  const errors: string[] = []
  return {
    files,
    printed,
    errors,
    write: text => void printed.push(text),
    writeError: text => void errors.push(text)
  }
}

/** What a command printed, in lines. */
export function linesOf({ printed }: PrintedOutside): readonly string[] {
  return printed.join('').trimEnd().split('\n')
}

export const folder = '/data/orders-0'

/** The path of a file of the segment that begins at `baseOffset`. */
export function fileOf(baseOffset: number, suffix: string): string {
  return `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** Ten batches of three records, in segments of three batches, shut down in order or not. */
export async function writtenLog(
  isClean = true,
  configs: Partial<LogConfigs> = {}
): Promise<TestDirectory> {
  const directory = testDirectory(memoryFiles(), '/data', 'fsync')
  const opened = await openOrders(directory, {
    segmentBytes: 600,
    indexIntervalBytes: 1,
    ...configs
  })
  for (let baseOffset = 0; baseOffset < 30; baseOffset += 3) {
    const appended = await opened.log.append(1, baseOffset, [tripleOf(baseOffset)])
    if (!appended.ok) throw new Error(appended.error)
  }
  await (isClean ? opened.directory.close() : opened.directory.abandon())
  return directory
}

export function tripleOf(baseOffset: number): AppendedBatch {
  const timestampMs = 1_700_000_000_000 + baseOffset * 1000
  return batchOf({
    baseOffset,
    count: 3,
    valueSize: 20,
    timestampMs,
    leaderEpoch: baseOffset > 15 ? 1 : 0
  })
}
