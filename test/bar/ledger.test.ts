import { expect, test } from 'vitest'
import { Ledger, noViolations, valueOf, type Violations } from '../../scripts/bar/ledger.ts'

const place = 'orders/0'

/** What is found when `numbers` of producer p, of which 0 to 3 were acknowledged, are read. */
function judged(numbers: readonly number[], isIdempotent = true, logStartOffset = 0): Violations {
  const ledger = new Ledger()
  ledger.number(place, 'p', isIdempotent, 6)
  ledger.acknowledge(place, 'p', { first: 0, count: 4, baseOffset: 0 })
  const records = numbers.map((number, index) => ({
    offset: logStartOffset + index,
    value: valueOf('p', number, 30)
  }))
  const found = noViolations()
  const logEndOffset = logStartOffset + records.length
  ledger.judge(place, { logStartOffset, logEndOffset, records }, found)
  return found
}

test('a log that holds what was acknowledged, once and in order, breaks no promise', () => {
  expect(judged([0, 1, 2, 3])).toEqual(noViolations())
})

test('a record that was never acknowledged may be there or not', () => {
  expect(judged([0, 1, 2, 3, 5])).toEqual(noViolations())
})

test('an acknowledged record that is not there is lost', () => {
  expect(judged([0, 1, 2]).lost).toBe(1)
  expect(judged([]).lost).toBe(4)
})

test('a record below the log start offset has expired and is not lost', () => {
  expect(judged([2, 3], true, 2)).toEqual(noViolations())
})

test('only an idempotent producer must not find a record twice', () => {
  expect(judged([0, 1, 2, 3, 3]).duplicated).toBe(1)
  expect(judged([0, 1, 2, 3, 3], false)).toEqual(noViolations())
})

test('a record behind a later one of its producer is reordered', () => {
  expect(judged([0, 1, 2, 3, 5, 4]).reordered).toBe(1)
})

test('a record that is not where it was acknowledged is misplaced', () => {
  expect(judged([4, 0, 1, 2, 3]).misplaced).toBe(4)
})

test('a record that nobody sent, or that was changed, is foreign', () => {
  expect(judged([0, 1, 2, 3, 6]).foreign).toBe(1)
  const ledger = new Ledger()
  ledger.number(place, 'p', true, 1)
  const found = noViolations()
  const records = [{ offset: 0, value: `${valueOf('p', 0, 30)}!` }]
  ledger.judge(place, { logStartOffset: 0, logEndOffset: 1, records }, found)
  expect(found.foreign).toBe(1)
})
