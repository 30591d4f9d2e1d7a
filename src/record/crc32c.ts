import portable from 'crc-32/crc32c.js'
import { assert } from '../base/assert.ts'
import { requireModule } from '../base/node-module.ts'

type WholeCrc = (bytes: Uint8Array) => number

/** Below this the call into native code costs more than it saves, bytes. */
const acceleratedSizeMin = 512

const portableCrc: WholeCrc = bytes => portable.buf(bytes) >>> 0
/** Undefined until the first large range asks for it: loading native code takes about 5 ms. */
let acceleratedCrc: WholeCrc | null | undefined

assert(isCrc32c(portableCrc), 'crc-32 computes CRC-32C')

/**
 * CRC-32C (Castagnoli) of `bytes` from `start` up to `end`, exclusive.
 *
 * @returns an unsigned 32-bit number
 */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const range = bytes.subarray(start, end)
  if (end - start < acceleratedSizeMin) return portableCrc(range)
  if (acceleratedCrc === undefined) acceleratedCrc = loadAccelerated()
  return acceleratedCrc === null ? portableCrc(range) : acceleratedCrc(range)
}

/** What checks large ranges. */
export function crc32cImplementation(): '@node-rs/crc32' | 'crc-32' {
  if (acceleratedCrc === undefined) acceleratedCrc = loadAccelerated()
  return acceleratedCrc === null ? 'crc-32' : '@node-rs/crc32'
}

/**
 * The optional native package, or null where it is not installed, has no binary for this machine,
 * or computes something else. `require` and not `import`, so that the ES module and the CommonJS
 * bundle find it alike and at once.
 */
function loadAccelerated(): WholeCrc | null {
  try {
    const native = requireModule('@node-rs/crc32')
    if (!hasCrc32c(native)) return null
    const accelerated: WholeCrc = bytes => native.crc32c(bytes)
    return isCrc32c(accelerated) ? accelerated : null
  } catch {
    return null
  }
}

function hasCrc32c(module: unknown): module is { crc32c: WholeCrc } {
  return (
    typeof module === 'object' &&
    module !== null &&
    'crc32c' in module &&
    typeof module.crc32c === 'function'
  )
}

/** Asks for the check value of the CRC catalogue, and for a size at which fast paths take over. */
function isCrc32c(crc: WholeCrc): boolean {
  if (crc(Buffer.from('123456789', 'latin1')) !== 0xe3069283) return false
  // 4096 zero bytes, from the definition of the polynomial.
  return crc(Buffer.alloc(4096)) === 0x98f94189
}
