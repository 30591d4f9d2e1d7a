import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { partitionFor } from '../../src/coordinator/routing.ts'

// What Java gives for String.hashCode, and Kafka's Utils.abs of it modulo 50.
test.each([
  ['', 0, 0],
  ['a', 97, 47],
  ['hello', 99_162_322, 22],
  ['orders-service', 23_943_117, 17],
  ['connect-cluster', 1_440_343_063, 13],
  ['日本語', 25_921_943, 43]
])('%j has the hash that Java has for it', (text, hash, partition) => {
  expect(partitionFor(text, 0x7fff_ffff)).toBe(hash)
  expect(partitionFor(text, 50)).toBe(partition)
})

test.each([
  ['my-group', -1_906_497_762, 12],
  ['\u{1F600} emoji', -1_572_615_351, 1]
])('the negative hash of %j counts by its absolute value', (text, hash, partition) => {
  expect(partitionFor(text, 0x7fff_ffff)).toBe(-hash)
  expect(partitionFor(text, 50)).toBe(partition)
})

test('the one hash without an absolute value leads to partition 0', () => {
  expect(partitionFor('polygenelubricants', 50)).toBe(0)
})

test('every string has a partition', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (text, count) => {
      const partition = partitionFor(text, count)
      expect(Number.isInteger(partition)).toBe(true)
      expect(partition >= 0 && partition < count).toBe(true)
    })
  )
})
