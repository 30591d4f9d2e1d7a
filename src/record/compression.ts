import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { failure, success, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import type { Compression } from './batch.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

export type DecompressError = 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'

/** One of Kafka's compressions of a batch's records. */
export interface Codec {
  compress(bytes: Uint8Array): Buffer
  /**
   * @param sizeMax most bytes that may come out; nothing larger is ever allocated
   * @returns CORRUPT_MESSAGE when the bytes are not of this codec, MESSAGE_TOO_LARGE when more
   *   would come out
   */
  decompress(bytes: Uint8Array, sizeMax: number): Result<Buffer, DecompressError>
}

/** zlib unpacks into pieces; of a size that suits the batch they save a quarter of the time. */
const gzipChunkSizeMin = KiB
const gzipChunkSizeMax = 256 * KiB

const gzip: Codec = {
  // Kafka's default for `compression.gzip.level` is zlib's own.
  compress: bytes => gzipSync(bytes, { level: constants.Z_DEFAULT_COMPRESSION }),
  decompress(bytes, sizeMax) {
    try {
      const chunkSize = Math.min(Math.max(4 * bytes.length, gzipChunkSizeMin), gzipChunkSizeMax)
      return success(gunzipSync(bytes, { maxOutputLength: Math.max(sizeMax, 1), chunkSize }))
    } catch (error) {
      if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
        return failure('MESSAGE_TOO_LARGE', `gzip holds more than ${sizeMax} bytes`)
      return failure('CORRUPT_MESSAGE', `gzip: ${String(error)}`)
    }
  }
}

const snappy: Codec = { compress: compressSnappy, decompress: decompressSnappy }

const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec | null>> = {
  gzip,
  snappy,
  // Batches of these are stored and served as they are; the broker cannot look inside.
  lz4: null,
  zstd: null
}

/** The codec of a compression, or null where the broker has none for it. */
export function codecOf(compression: Exclude<Compression, 'none'>): Codec | null {
  return codecs[compression]
}
