import type { Random } from './random.ts'

/**
 * The same bytes for the same seed, on every machine: sfc32, a small generator that passes
 * PractRand.
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 0x1_0000_0000) | 0
  let c = 0x9e3779b9
  let counter = 1

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  // The first outputs still show the seed.
  for (let round = 0; round < 16; round++) next()

  return {
    bytes(size) {
      const bytes = Buffer.alloc(size)
      for (let at = 0; at < size; at += 4) {
        const word = next()
        for (let byte = at; byte < Math.min(at + 4, size); byte++)
          bytes[byte] = word >>> (8 * (byte - at))
      }
      return bytes
    }
  }
}
