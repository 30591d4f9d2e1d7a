import { nodeZlib } from '../base/node-module.ts'
import { failure, success, type Failure, type Result } from '../base/result.ts'
import { KiB, MiB } from '../base/sizes.ts'
import type { Compression } from './batch.ts'
import { compressLz4, unpackLz4 } from './lz4.ts'
import { compressSnappy, unpackSnappy } from './snappy.ts'
import { compressZstd, unpackZstd } from './zstd.ts'

export type DecompressError = 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE'

/** One of Kafka's compressions of a batch's records. */
export interface Codec {
  /**
   * @param level how hard to try, as in the config `compression.<codec>.level`; left out: Kafka's
   *   default. snappy knows no levels, and lz4 has only the one that is Kafka's default
   */
  compress(bytes: Uint8Array, level?: number): Buffer
  /**
   * Hands to `work` what comes out, which is good only until `work` returns: the next bytes may be
   * unpacked into the same memory.
   *
   * @param sizeMax most bytes that may come out; nothing larger is ever allocated
   * @returns what `work` returns; CORRUPT_MESSAGE when the bytes are not of this codec,
   *   MESSAGE_TOO_LARGE when more would come out
   */
  unpack<T>(
    bytes: Uint8Array,
    sizeMax: number,
    work: (unpacked: Buffer) => T
  ): Result<T, DecompressError>
}

/** What zlib unpacks into pieces of, when nothing is known of the whole, bytes. */
const gzipChunkSizeMin = KiB
const gzipChunkSizeMax = 256 * KiB
/** Largest piece that holds all; larger batches are rare, and room for lies is not free. */
const gzipWholeSizeMax = 4 * MiB
/** The last four bytes are the size of what the last of its members holds, modulo 2^32. */
const gzipSizeSize = 4
/** A byte of gzip stands for so many bytes at most. */
const gzipExpansionMax = 1032

const gzip: Codec = {
  // Kafka's default for `compression.gzip.level` is zlib's own.
  compress: (bytes, level = nodeZlib().constants.Z_DEFAULT_COMPRESSION) =>
    nodeZlib().gzipSync(bytes, { level }),
  unpack(bytes, sizeMax, work) {
    const unpacked = decompressGzip(bytes, sizeMax)
    return unpacked.ok ? success(work(unpacked.value)) : unpacked
  }
}

function decompressGzip(bytes: Uint8Array, sizeMax: number): Result<Buffer, DecompressError> {
  try {
    const maxOutputLength = Math.max(sizeMax, 1)
    const chunkSize = gzipChunkSize(bytes, maxOutputLength)
    const unpacked = nodeZlib().gunzipSync(bytes, { maxOutputLength, chunkSize })
    return unpacked.length > sizeMax ? tooLarge(sizeMax) : success(unpacked)
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      return tooLarge(sizeMax)
    return failure('CORRUPT_MESSAGE', `gzip: ${String(error)}`)
  }
}

/**
 * zlib unpacks into pieces, and puts them together when there is more than one: a piece that holds
 * all saves a sixth of the time. A size that is a lie costs time, but no more room than the bytes
 * could fill.
 */
function gzipChunkSize(bytes: Uint8Array, sizeMax: number): number {
  const usual = Math.min(Math.max(4 * bytes.length, gzipChunkSizeMin), gzipChunkSizeMax)
  if (bytes.length < gzipSizeSize) return usual
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - gzipSizeSize)
  // One byte more, or zlib asks for another piece to see that nothing follows.
  const whole = trailer.getUint32(0, true) + 1
  return whole > Math.min(sizeMax, gzipExpansionMax * bytes.length, gzipWholeSizeMax)
    ? usual
    : Math.max(whole, usual)
}

function tooLarge(sizeMax: number): Failure<'MESSAGE_TOO_LARGE'> {
  return failure('MESSAGE_TOO_LARGE', `gzip holds more than ${sizeMax} bytes`)
}

const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = {
  gzip,
  snappy: { compress: compressSnappy, unpack: unpackSnappy },
  lz4: { compress: compressLz4, unpack: unpackLz4 },
  zstd: { compress: compressZstd, unpack: unpackZstd }
}

export function codecOf(compression: Exclude<Compression, 'none'>): Codec {
  return codecs[compression]
}

/** Bytes of their own, whatever is unpacked afterwards; all else as in `Codec.unpack`. */
export function decompress(
  compression: Exclude<Compression, 'none'>,
  bytes: Uint8Array,
  sizeMax: number
): Result<Buffer, DecompressError> {
  return codecOf(compression).unpack(bytes, sizeMax, unpacked => Buffer.from(unpacked))
}
