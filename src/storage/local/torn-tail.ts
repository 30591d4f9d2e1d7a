import { tornTailSavedSizeMax } from '../../limits.ts'
import { isFileError } from './read-steps.ts'
import { lostAndFoundName, partitionFolderName, temporarySuffix } from './file-names.ts'
import type { LogContext, LogName } from './log-context.ts'
import { SavedChecksum } from './saved-bytes.ts'

/** Bytes that are copied at a time. */
const copyChunkSize = 1024 * 1024

export interface TornTail {
  readonly name: LogName
  /** Of the `.log`. */
  readonly path: string
  /** Where its sound batches end: the tail is what the file has behind them. */
  readonly fromOffset: number
  readonly position: number
  readonly fileSize: number
  readonly durableEndOffset: number
}

/**
 * Keeps what recovery is about to cut off, in `lost-and-found` of the log directory, and says so in
 * the log. Nobody was promised these bytes, but a person may want to look at them.
 */
export async function saveTornTail(context: LogContext, tail: TornTail): Promise<void> {
  const { fromOffset, position, fileSize } = tail
  const size = fileSize - position
  if (size <= 0) return
  const saved = Math.min(size, tornTailSavedSizeMax)
  const folder = `${context.path}/${lostAndFoundName}`
  const fileName = `${partitionFolderName(tail.name)}-${fromOffset}`
  let savedTo: string | null = null
  try {
    context.files.makeDirectory(folder)
    savedTo = await copyRange(
      context,
      tail,
      saved,
      `${folder}/${fileName}-${context.clock.wallMs()}`
    )
  } catch (error) {
    if (!isFileError(error)) throw error
  }
  context.logger.warn(
    'a torn tail was cut off: it was written, but never acknowledged as durable',
    {
      topic: tail.name.topic,
      partition: tail.name.partition,
      segment: tail.path,
      fromOffset,
      durableEndOffset: tail.durableEndOffset,
      position,
      size,
      savedTo,
      savedSize: savedTo === null ? 0 : saved
    }
  )
}

/** Returns the path of the copy. */
async function copyRange(
  context: LogContext,
  tail: TornTail,
  size: number,
  path: string
): Promise<string> {
  const temporary = path + temporarySuffix
  const checksum = new SavedChecksum()
  const source = context.files.open(tail.path, 'read')
  const buffer = context.buffers.take(copyChunkSize)
  try {
    const target = context.files.open(temporary, 'create')
    try {
      let copied = 0
      while (copied < size) {
        const piece = buffer.subarray(0, Math.min(buffer.length, size - copied))
        const read = await source.read(piece, tail.position + copied)
        if (read === 0) break
        target.writeSync([piece.subarray(0, read)], copied)
        checksum.add(piece.subarray(0, read))
        copied += read
      }
      if (context.durability === 'fsync') await target.datasync()
    } finally {
      target.close()
    }
  } finally {
    context.buffers.give(buffer)
    source.close()
  }
  context.files.rename(temporary, checksum.nameOf(path))
  return checksum.nameOf(path)
}
