import { expect, test } from 'vitest'
import { errorCoverage, errorReport } from './errors.ts'

const byApi = (...errors: readonly string[]) => new Map([['Fetch', new Set(errors)] as const])

const possible = byApi('CORRUPT_MESSAGE', 'OFFSET_OUT_OF_RANGE')
const because = { api: 'Fetch', error: 'CORRUPT_MESSAGE', reason: 'A disk must fail' } as const

test('an error is provoked, has a reason, or is missing', () => {
  const provoked = byApi('OFFSET_OUT_OF_RANGE')
  expect(errorCoverage(possible, provoked, [])).toMatchObject({
    missing: ['Fetch: CORRUPT_MESSAGE'],
    provokedCount: 1,
    possibleCount: 2
  })
  expect(errorCoverage(possible, provoked, [because])).toMatchObject({ missing: [], needless: [] })
})

test('a reason for what was provoked is needless, an error that no definition lists is told', () => {
  const provoked = byApi('OFFSET_OUT_OF_RANGE', 'CORRUPT_MESSAGE', 'INVALID_REQUEST')
  expect(errorCoverage(possible, provoked, [because])).toMatchObject({
    needless: ['Fetch: CORRUPT_MESSAGE'],
    unlisted: ['Fetch: INVALID_REQUEST']
  })
})

test('the report says of every error whether it was provoked, and why not', () => {
  const report = errorReport('4.4.0', possible, byApi('OFFSET_OUT_OF_RANGE'), [because])
  expect(report).toContain('- CORRUPT_MESSAGE: not provoked. A disk must fail')
  expect(report).toMatch(/^- OFFSET_OUT_OF_RANGE$/m)
  expect(report).toContain('1 of 2 errors provoked')
})
