import { writeSync } from 'node:fs'

/**
 * Writes to an open descriptor that does not make its writer wait.
 *
 * @returns how many bytes it took: none when there is no room just now, and none when the system
 *   refuses, which whoever writes there next by other means gets to hear
 */
export function writeAtOnce(descriptor: number, bytes: Uint8Array): number {
  try {
    return writeSync(descriptor, bytes, 0, bytes.length, null)
  } catch {
    return 0
  }
}
