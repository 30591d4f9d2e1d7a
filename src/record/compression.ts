import { nodeZlib } from '../base/node-module.ts'
import { failure, success, type Failure, type Result } from '../base/result.ts'
import { KiB } from '../base/sizes.ts'
import type { Compression } from './batch.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

export type DecompressError = 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'

/** One of Kafka's compressions of a batch's records. */
export interface Codec {
  /**
   * @param level how hard to try, as in the config `compression.<codec>.level`; left out: Kafka's
   *   default. snappy knows no levels, and lz4 has only the one that is Kafka's default
   */
  compress(bytes: Uint8Array, level?: number): Buffer
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
  compress: (bytes, level = nodeZlib().constants.Z_DEFAULT_COMPRESSION) =>
    nodeZlib().gzipSync(bytes, { level }),
  decompress(bytes, sizeMax) {
    try {
      const chunkSize = Math.min(Math.max(4 * bytes.length, gzipChunkSizeMin), gzipChunkSizeMax)
      const maxOutputLength = Math.max(sizeMax, 1)
      const unpacked = nodeZlib().gunzipSync(bytes, { maxOutputLength, chunkSize })
      return unpacked.length > sizeMax ? tooLarge(sizeMax) : success(unpacked)
    } catch (error) {
      if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
        return tooLarge(sizeMax)
      return failure('CORRUPT_MESSAGE', `gzip: ${String(error)}`)
    }
  }
}

function tooLarge(sizeMax: number): Failure<'MESSAGE_TOO_LARGE'> {
  return failure('MESSAGE_TOO_LARGE', `gzip holds more than ${sizeMax} bytes`)
}

const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = {
  gzip,
  snappy: { compress: compressSnappy, decompress: decompressSnappy },
  lz4: { compress: compressLz4, decompress: decompressLz4 },
  zstd: { compress: compressZstd, decompress: decompressZstd }
}

export function codecOf(compression: Exclude<Compression, 'none'>): Codec {
  return codecs[compression]
}
