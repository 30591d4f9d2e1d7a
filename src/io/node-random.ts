import { closeSync, openSync, readSync } from 'node:fs'
import { nodeCrypto } from '../base/node-module.ts'
import type { Random } from './random.ts'

/**
 * The machine's randomness: the kernel's, where it can be read like a file. `node:crypto`, which
 * asks the same kernel elsewhere, would take a start two milliseconds to load.
 */
export const nodeRandom: Random = {
  bytes: size => kernelBytes(size) ?? nodeCrypto().randomBytes(size)
}

function kernelBytes(size: number): Buffer | null {
  let source: number
  try {
    source = openSync('/dev/urandom', 'r')
  } catch {
    return null
  }
  try {
    const bytes = Buffer.allocUnsafe(size)
    let filled = 0
    while (filled < size) {
      const count = readSync(source, bytes, filled, size - filled, null)
      if (count === 0) return null
      filled += count
    }
    return bytes
  } finally {
    closeSync(source)
  }
}
