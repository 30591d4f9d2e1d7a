import { describe, expect, test } from 'vitest'
import { nodeRandom } from '../../src/io/node-random.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'

describe.each([
  ['the machine’s randomness', nodeRandom],
  ['seeded randomness', seededRandom(7)]
])('%s', (_, random) => {
  test('gives as many bytes as asked for, in a buffer of the caller’s own', () => {
    for (const size of [0, 1, 3, 4, 5, 16, 1001]) expect(random.bytes(size)).toHaveLength(size)
    const first = random.bytes(16)
    const copy = Buffer.from(first)
    random.bytes(16)
    expect(first.equals(copy)).toBe(true)
  })

  test('does not repeat itself, and uses every value of a byte', () => {
    const ids = new Set(Array.from({ length: 2000 }, () => random.bytes(16).toString('hex')))
    expect(ids.size).toBe(2000)
    expect(new Set(random.bytes(10_000)).size).toBe(256)
  })
})

test('the same seed gives the same bytes, on every machine', () => {
  expect(seededRandom(42).bytes(9)).toEqual(seededRandom(42).bytes(9))
  expect(seededRandom(42).bytes(9).toString('hex')).toBe('74b2a508df307ac13a')
})

test('seeds that differ little give bytes that have nothing in common', () => {
  const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]
  const outputs = seeds.map(seed => seededRandom(seed).bytes(8).toString('hex'))
  expect(new Set(outputs).size).toBe(seeds.length)
})
