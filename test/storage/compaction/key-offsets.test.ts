import { fc, test } from '@fast-check/vitest'
import { expect, test as plainTest } from 'vitest'
import { KeyOffsets } from '../../../src/storage/compaction/key-offsets.ts'

test.prop([fc.array(fc.tuple(fc.uint8Array({ maxLength: 3 }), fc.nat()))])(
  'the newest offset of each key is found, as in a map of all of them',
  puts => {
    const keys = new KeyOffsets(1_000_000, 0.9, puts.length)
    const expected = new Map<string, number>()
    for (const [key, offset] of puts) {
      keys.put(key, offset)
      expected.set(Buffer.from(key).toString('hex'), offset)
    }
    expect(keys.size).toBe(expected.size)
    for (const [key] of puts) {
      expect(keys.get(key)).toBe(expected.get(Buffer.from(key).toString('hex')))
    }
    expect(keys.get(Buffer.from('none of them'))).toBe(-1)
  }
)

plainTest('it is full at its share of the memory, and never takes more than can come', () => {
  const small = new KeyOffsets(24 * 100, 0.9, 1_000_000)
  let count = 0
  while (!small.isFull) small.put(Buffer.from(`${count++}`), count)
  expect(count).toBe(90)
  const few = new KeyOffsets(2 ** 40, 0.5, 10)
  for (let key = 0; key < 10; key++) few.put(Buffer.from([key]), key)
  expect(few.size).toBe(10)
})
