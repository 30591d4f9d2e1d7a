import { nodeZlib } from '../base/node-module.ts'
import { KiB } from '../base/sizes.ts'

// zstd of Node itself: there from 22.15 on.

interface ZlibWithZstd {
  readonly constants: { readonly ZSTD_c_compressionLevel: number }
  zstdCompressSync(
    bytes: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>>; readonly pledgedSrcSize: number }
  ): Buffer
  zstdDecompressSync(
    bytes: Uint8Array,
    options: { readonly maxOutputLength: number; readonly chunkSize: number }
  ): Buffer
}

/** zlib works in pieces of this size, and wants no smaller ones than the first, bytes. */
const chunkSizeMin = KiB
const chunkSizeMax = 256 * KiB

/** Whether this Node can pack and unpack zstd. */
export function hasNodeZstd(): boolean {
  return hasZstd(nodeZlib())
}

/** One frame that says how much it holds; null where this Node has no zstd. */
export function compressInNode(bytes: Uint8Array, level: number): Buffer | null {
  const node: object = nodeZlib()
  if (!hasZstd(node)) return null
  const params = { [node.constants.ZSTD_c_compressionLevel]: level }
  return node.zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length })
}

/**
 * A single whole frame: what follows one, and what is missing at its end, is seen by some releases
 * of Node and not by others.
 *
 * @returns `too large` for more than `sizeMax` bytes, `corrupt` for what is not zstd, null where
 *   this Node has no zstd
 */
export function decompressInNode(
  frame: Uint8Array,
  sizeMax: number
): Buffer | 'too large' | 'corrupt' | null {
  const node: object = nodeZlib()
  if (!hasZstd(node)) return null
  const maxOutputLength = Math.max(sizeMax, 1)
  const chunkSize = Math.min(Math.max(sizeMax, chunkSizeMin), chunkSizeMax)
  try {
    const unpacked = node.zstdDecompressSync(frame, { maxOutputLength, chunkSize })
    return unpacked.length > sizeMax ? 'too large' : unpacked
  } catch (error) {
    const isTooLarge =
      error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return isTooLarge ? 'too large' : 'corrupt'
  }
}

function hasZstd(node: object): node is ZlibWithZstd {
  return 'zstdCompressSync' in node && 'zstdDecompressSync' in node
}
