import { expect, test } from 'vitest'
import { Cancellation } from '../../src/base/cancellation.ts'

test('everybody who listens hears of it once, and nobody who has stopped', () => {
  const cancellation = new Cancellation()
  const heard: string[] = []
  const left = () => heard.push('left')
  cancellation.onCancel(() => heard.push('one'))
  cancellation.onCancel(left)
  cancellation.onCancel(() => heard.push('two'))
  cancellation.offCancel(left)
  expect(cancellation.isCancelled).toBe(false)
  cancellation.cancel()
  cancellation.cancel()
  expect(cancellation.isCancelled).toBe(true)
  expect(heard).toEqual(['one', 'two'])
})

test('who comes late hears nothing, and may leave', () => {
  const cancellation = new Cancellation()
  let count = 0
  const late = () => void count++
  cancellation.cancel()
  cancellation.onCancel(late)
  cancellation.offCancel(late)
  cancellation.cancel()
  expect(count).toBe(0)
})

test('a listener may stop listening while it is told', () => {
  const cancellation = new Cancellation()
  let count = 0
  const listener = () => {
    count++
    cancellation.offCancel(listener)
  }
  cancellation.onCancel(listener)
  cancellation.cancel()
  expect(count).toBe(1)
})
