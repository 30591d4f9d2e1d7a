import {
  baseOffset,
  batchHeaderSize,
  batchSize,
  lastOffsetDelta,
  magic
} from '../../record/batch.ts'
import { crcHolds } from './batch-check.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { CachedFile } from './file-cache.ts'
import { readInto, type ReadSteps } from './read-steps.ts'

/** Bytes that a scan reads at a time. */
const scanChunkSize = 1024 * 1024

/**
 * A window over a file that moves forward; it grows only for a batch that is larger, and never
 * beyond the file.
 */
export class ScanWindow {
  readonly #file: CachedFile
  readonly #fileSize: number
  readonly #buffers: BufferPool
  readonly #chunkSize: number
  #buffer: Buffer
  #position = 0
  #filled = 0

  constructor(file: CachedFile, fileSize: number, buffers: BufferPool, chunkSize = scanChunkSize) {
    this.#file = file
    this.#fileSize = fileSize
    this.#buffers = buffers
    this.#chunkSize = chunkSize
    this.#buffer = buffers.take(Math.min(chunkSize, Math.max(fileSize, 1)))
  }

  /** The bytes of the window; `at(position)` is where in it a position of the file is. */
  get buffer(): Buffer {
    return this.#buffer
  }

  at(position: number): number {
    return position - this.#position
  }

  /** How many bytes from `position` on are in the window. */
  available(position: number): number {
    const at = position - this.#position
    return at < 0 ? 0 : Math.max(0, this.#filled - at)
  }

  /** Makes `size` bytes at `position` available; false when the file ends before. */
  *need(position: number, size: number): ReadSteps<boolean> {
    if (position + size > this.#fileSize) return false
    if (this.available(position) >= size) return true
    if (size > this.#buffer.length) {
      this.#buffers.give(this.#buffer)
      this.#buffer = this.#buffers.take(size)
    }
    const wanted = Math.min(
      Math.max(size, this.#chunkSize),
      this.#buffer.length,
      this.#fileSize - position
    )
    this.#filled = 0
    this.#filled = yield* readInto(this.#file, this.#buffer.subarray(0, wanted), position)
    this.#position = position
    return this.#filled >= size
  }

  release(): void {
    this.#buffers.give(this.#buffer)
    this.#filled = 0
  }
}

/** Whether a whole, sound batch that begins at `expectedOffset` stands at `position`. */
export function* isSound(
  window: ScanWindow,
  position: number,
  expectedOffset: number
): ReadSteps<boolean> {
  if (!(yield* window.need(position, batchHeaderSize))) return false
  const at = window.at(position)
  if (!isPlausible(window.buffer, at)) return false
  if (baseOffset(window.buffer, at) !== expectedOffset) return false
  if (!(yield* window.need(position, batchSize(window.buffer, at)))) return false
  return crcHolds(window.buffer, window.at(position))
}

/**
 * Where to look for a batch, and which offsets it may begin at; `to` and `maxOffset` are exclusive.
 */
export interface BatchSearch {
  readonly from: number
  readonly to: number
  readonly minOffset: number
  readonly maxOffset: number
}

/**
 * Finds the first sound batch behind damaged bytes, whose length cannot be trusted: every position
 * is tried.
 *
 * @returns its position; -1 when there is none
 */
export function* findBatch(window: ScanWindow, search: BatchSearch): ReadSteps<number> {
  let position = search.from
  while (position + batchHeaderSize <= search.to) {
    if (!(yield* window.need(position, batchHeaderSize))) return -1
    const size = Math.min(window.available(position), search.to - position)
    const from = window.at(position)
    let at = from
    const end = from + size - batchHeaderSize
    while (at <= end && !isCandidate(window.buffer, at, search)) at++
    position += at - from
    if (at > end) continue
    const offset = baseOffset(window.buffer, at)
    const fits = position + batchSize(window.buffer, at) <= search.to
    if (fits && (yield* isSound(window, position, offset))) return position
    position++
  }
  return -1
}

function isCandidate(buffer: Buffer, at: number, search: BatchSearch): boolean {
  if (!isPlausible(buffer, at)) return false
  const offset = baseOffset(buffer, at)
  return offset >= search.minOffset && offset < search.maxOffset
}

function isPlausible(buffer: Buffer, at: number): boolean {
  return (
    magic(buffer, at) === 2 &&
    batchSize(buffer, at) >= batchHeaderSize &&
    lastOffsetDelta(buffer, at) >= 0 &&
    baseOffset(buffer, at) >= 0
  )
}
