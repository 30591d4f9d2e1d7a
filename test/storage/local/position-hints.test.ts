import { expect, test } from 'vitest'
import { PositionHints } from '../../../src/storage/local/position-hints.ts'

test('where a read ended is known to the one who reads on, and to those one read behind', () => {
  const hints = new PositionHints()
  expect(hints.find(10)).toBe(-1)
  hints.move(0, 10, 100)
  hints.move(10, 20, 200)
  expect(hints.find(10)).toBe(100)
  expect(hints.find(20)).toBe(200)
  hints.move(20, 30, 300)
  expect(hints.find(10)).toBe(-1)
  expect(hints.find(20)).toBe(200)
  expect(hints.find(30)).toBe(300)
})

test('consumers on the same way share what is remembered of it', () => {
  const hints = new PositionHints()
  for (let offset = 0; offset < 1000; offset += 10) {
    for (let consumer = 0; consumer < 100; consumer++) {
      if (offset > 10) expect(hints.find(offset)).toBe(offset * 10)
      hints.move(offset, offset + 10, (offset + 10) * 10)
    }
  }
})

test('eight consumers in places of their own keep them', () => {
  const hints = new PositionHints()
  for (let offset = 0; offset < 100; offset += 10) {
    for (let consumer = 0; consumer < 8; consumer++) {
      const base = consumer * 1_000_000
      if (offset > 0) expect(hints.find(base + offset)).toBe(base + offset)
      hints.move(base + offset, base + offset + 10, base + offset + 10)
    }
  }
})

test('nothing is known after a clear', () => {
  const hints = new PositionHints()
  hints.move(0, 10, 100)
  hints.clear()
  expect(hints.find(10)).toBe(-1)
})
