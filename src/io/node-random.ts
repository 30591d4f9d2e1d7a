import { randomBytes } from 'node:crypto'
import type { Random } from './random.ts'

/** The machine's randomness. */
export const nodeRandom: Random = {
  bytes: size => randomBytes(size)
}
