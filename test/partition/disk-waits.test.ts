import { fc, test as propertyTest } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { deferred, type Deferred } from '../../src/base/deferred.ts'
import { success } from '../../src/base/result.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { diskWaitMinMs } from '../../src/limits.ts'
import { refused, type AppendResult } from '../../src/partition/append-result.ts'
import { DiskWaits } from '../../src/partition/disk-waits.ts'

const appended: AppendResult = success({
  baseOffset: 5,
  lastOffset: 5,
  logAppendTimeMs: -1,
  logStartOffset: 0
})

const late = refused('REQUEST_TIMED_OUT', null)

const step = fc.oneof(
  fc.record({ type: fc.constant('enter' as const), timeoutMs: fc.integer({ max: 9000, min: -1 }) }),
  fc.record({ type: fc.constant('settle' as const), which: fc.nat() }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.nat(4000) })
)

propertyTest.prop([fc.array(step, { maxLength: 60 })])(
  'each wait ends once, by its append or by its time, whichever is first',
  async steps => {
    const clock = manualClock()
    const waits = new DiskWaits(clock)
    const waiting: { untilMs: number; append: Deferred<AppendResult>; number: number }[] = []
    const expected: string[] = []
    const ended: string[] = []
    let count = 0
    for (const each of steps) {
      if (each.type === 'enter') {
        const append = deferred<AppendResult>()
        const number = count++
        const outcome = waits.within(append.promise, each.timeoutMs, late)
        void Promise.resolve(outcome).then(result =>
          ended.push(`${number} ${result.ok ? 'appended' : result.error}`)
        )
        const untilMs = clock.monotonicMs() + Math.max(each.timeoutMs, diskWaitMinMs)
        waiting.push({ untilMs, append, number })
      } else if (each.type === 'settle') {
        const [settled] = waiting.splice(each.which % Math.max(waiting.length, 1), 1)
        settled?.append.resolve(appended)
        if (settled !== undefined) expected.push(`${settled.number} appended`)
      } else {
        clock.advance(each.ms)
        for (const over of waiting.filter(({ untilMs }) => untilMs <= clock.monotonicMs())) {
          waiting.splice(waiting.indexOf(over), 1)
          expected.push(`${over.number} REQUEST_TIMED_OUT`)
          // What comes too late changes nothing.
          over.append.resolve(appended)
        }
      }
      await new Promise(resolve => setImmediate(resolve))
      expect([...ended].sort()).toEqual([...expected].sort())
      expect(waits.isEmpty).toBe(waiting.length === 0)
      expect(clock.pendingCount).toBeLessThanOrEqual(1)
    }
  }
)

test('an append that is there needs no wait', () => {
  const clock = manualClock()
  const waits = new DiskWaits(clock)
  expect(waits.within(appended, 0, late)).toBe(appended)
  expect([waits.isEmpty, clock.pendingCount]).toEqual([true, 0])
})

test('nobody is timed out after the end', async () => {
  const clock = manualClock()
  const waits = new DiskWaits(clock)
  const append = deferred<AppendResult>()
  const outcome = waits.within(append.promise, 1000, late)
  waits.close()
  clock.advance(10_000)
  append.resolve(appended)
  expect(await outcome).toBe(appended)
})
