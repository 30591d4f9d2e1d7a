import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { recentTextSizeMax } from '../../src/limits.ts'
import { recentText, rememberText } from '../../src/wire/recent-text.ts'
import { Reader } from '../../src/wire/reader.ts'

test('a text is given back only for its own bytes', () => {
  rememberText(Buffer.from('topic-17'), 0, 8, 'topic-17')
  expect(recentText(Buffer.from('>topic-17<'), 1, 8)).toBe('topic-17')
  expect(recentText(Buffer.from('topic-18'), 0, 8)).toBeNull()
  expect(recentText(Buffer.from('topix-17'), 0, 8)).toBeNull()
  expect(recentText(Buffer.from('topic-17'), 0, 7)).toBeNull()
})

test('texts that displace each other still read as what they are', () => {
  const words = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.array(words, { maxLength: 50 }), texts => {
      for (const text of [...texts, ...texts]) {
        const bytes = Buffer.from(text)
        const frame = Buffer.concat([Buffer.from([bytes.length + 1]), bytes])
        expect(new Reader(frame).compactString()).toBe(text)
      }
    })
  )
})

test('a long text is not remembered', () => {
  const bytes = Buffer.alloc(recentTextSizeMax + 1, 'x')
  rememberText(bytes, 0, bytes.length, bytes.toString())
  expect(recentText(bytes, 0, bytes.length)).toBeNull()
})
