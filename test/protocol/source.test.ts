import { expect, test } from 'vitest'
import { branch, casesByVersion, choose, Source } from '../../scripts/generate/source.ts'

const versions = { min: 1, max: 4 }

function branches(text: (version: number) => readonly string[]): string {
  const source = new Source()
  branch(source, versions, text)
  return source.toString().trimEnd()
}

test('versions for which the same holds make one case', () => {
  expect(casesByVersion(versions, version => (version < 3 ? 'a' : 'b'))).toEqual([
    { from: 1, text: 'a' },
    { from: 3, text: 'b' }
  ])
})

test('an expression chooses by version, the newest first', () => {
  expect(choose(versions, () => 'x')).toBe('x')
  expect(choose(versions, version => `v${Math.max(2, version)}`)).toBe(
    'version >= 4 ? v4 : version >= 3 ? v3 : v2'
  )
})

test('statements choose by version', () => {
  expect(branches(() => ['x', 'y'])).toBe('x\ny')
  expect(branches(version => (version >= 3 ? ['new'] : ['old']))).toBe(
    'if (version >= 3) new\nelse old'
  )
  expect(branches(version => (version >= 3 ? ['a', 'b'] : ['old']))).toBe(
    'if (version >= 3) {\n  a\n  b\n} else old'
  )
})

test('a version without statements takes no branch', () => {
  expect(branches(version => (version >= 3 ? ['new'] : []))).toBe('if (version >= 3) new')
  expect(branches(version => (version >= 3 ? [] : ['old']))).toBe('if (version < 3) old')
  expect(branches(version => (version === 2 ? ['two'] : []))).toBe(
    'if (version >= 3) {\n} else if (version >= 2) two'
  )
  expect(branches(() => [])).toBe('')
})

test('a function whose head is too long has a line for each parameter', () => {
  const source = new Source()
  source.function('function f', ['a: number', 'b: number'], 'void', () => source.line('x'))
  source.function(`function ${'f'.repeat(90)}`, ['a: number', 'b: number'], 'void', () => {})
  expect(source.toString()).toBe(
    [
      'function f(a: number, b: number): void {',
      '  x',
      '}',
      `function ${'f'.repeat(90)}(`,
      '  a: number,',
      '  b: number',
      '): void {',
      '}',
      ''
    ].join('\n')
  )
})

test('a doc comment is wrapped at the width of a line', () => {
  const source = new Source()
  source.doc('Short.')
  source.doc('word '.repeat(30).trim())
  const lines = source.toString().split('\n')
  expect(lines[0]).toBe('/** Short. */')
  expect(lines[1]).toBe('/**')
  expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(100)
})
