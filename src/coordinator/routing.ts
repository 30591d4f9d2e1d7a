import { assert } from '../base/assert.ts'

/**
 * The partition of an internal topic that keeps the state of a group or a transactional id: Java's
 * hash of the string, made positive, modulo the number of partitions. Kafka:
 * GroupCoordinatorService.partitionFor, which takes the absolute value (and 0 for the one number
 * that has none); tools compute the same.
 *
 * @param partitionCount partitions of the internal topic, at least 1
 */
export function partitionFor(key: string, partitionCount: number): number {
  assert(partitionCount >= 1, 'an internal topic has partitions')
  const hash = javaHashCode(key)
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitionCount
}

/** `String.hashCode` of Java: over UTF-16 units, in 32-bit arithmetic. */
function javaHashCode(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0
  return hash
}
