import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines } from '../../src/base/deadlines.ts'

test('the earliest of several moments is within reach, and after it the next', () => {
  const deadlines = new Deadlines<string>()
  deadlines.set('b', 20)
  deadlines.set('a', 10)
  deadlines.set('c', 30)
  expect([deadlines.earliestKey, deadlines.earliestMs]).toEqual(['a', 10])
  deadlines.delete('a')
  expect([deadlines.earliestKey, deadlines.earliestMs]).toEqual(['b', 20])
})

test('a moment that moves takes its place anew, in both directions', () => {
  const deadlines = new Deadlines<string>()
  deadlines.set('a', 10)
  deadlines.set('b', 20)
  deadlines.set('a', 30)
  expect(deadlines.earliestKey).toBe('b')
  deadlines.set('a', 5)
  expect(deadlines.earliestKey).toBe('a')
  expect(deadlines.get('b')).toBe(20)
})

test('without keys there is no earliest moment, and deleting an unknown key is nothing', () => {
  const deadlines = new Deadlines<string>()
  deadlines.delete('a')
  expect([deadlines.earliestKey, deadlines.earliestMs, deadlines.size]).toEqual([
    undefined,
    null,
    0
  ])
})

test('after any changes the keys come out in the order of their moments', () => {
  const change = fc.record({
    key: fc.integer({ min: 0, max: 12 }),
    atMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null })
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), changes => {
      const deadlines = new Deadlines<number>()
      const model = new Map<number, number>()
      for (const { key, atMs } of changes) {
        if (atMs === null) deadlines.delete(key)
        else deadlines.set(key, atMs)
        if (atMs === null) model.delete(key)
        else model.set(key, atMs)
        expect(deadlines.size).toBe(model.size)
        expect(deadlines.get(key)).toBe(model.get(key) ?? null)
      }
      const drained: number[] = []
      while (deadlines.earliestKey !== undefined) {
        drained.push(deadlines.earliestMs!)
        deadlines.delete(deadlines.earliestKey)
      }
      expect(drained).toEqual([...model.values()].sort((a, b) => a - b))
    })
  )
})
