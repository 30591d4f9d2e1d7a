import { failure, success, type Result } from '../../base/result.ts'
import * as batch from '../../record/batch.ts'
import { RecordCursor } from '../../record/record-cursor.ts'
import { openRecords, walkFault, type RecordsError } from '../../record/records.ts'
import type { KeyOffsets } from './key-offsets.ts'

/**
 * Notes the keys of a batch's records from `fromOffset` on, as many as find room.
 *
 * @returns the offset behind the last key that found room, or behind the batch when all did; the
 *   errors of `readRecords` for a batch that cannot be opened
 */
export function putKeys(
  keys: KeyOffsets,
  buffer: Buffer,
  at: number,
  fromOffset: number
): Result<number, RecordsError> {
  const opened = openRecords(buffer, at)
  if (!opened.ok) return opened
  const { bytes, start, end } = opened.value
  const count = batch.recordCount(buffer, at)
  const baseOffset = batch.baseOffset(buffer, at)
  const cursor = new RecordCursor(bytes, start, end)
  let walked = 0
  let endOffset = fromOffset
  for (; walked < count && cursor.next(); walked++) {
    const offset = baseOffset + cursor.offsetDelta
    if (cursor.keySize < 0 || offset < fromOffset) continue
    if (keys.isFull) return success(endOffset)
    const { keyPosition, keySize } = cursor
    keys.put(bytes.subarray(keyPosition, keyPosition + keySize), offset)
    endOffset = offset + 1
  }
  const fault = walkFault(cursor, walked, count)
  if (fault !== null) return failure('INVALID_RECORD', fault)
  return success(batch.lastOffset(buffer, at) + 1)
}
