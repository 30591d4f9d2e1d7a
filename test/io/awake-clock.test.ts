import { expect, test } from 'vitest'
import { AwakeClock } from '../../src/io/awake-clock.ts'
import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'

/** A clock whose process can be stopped: its time goes on and nobody is woken. */
function stoppable() {
  const clock: ManualClock = manualClock(0)
  let stoppedMs = 0
  const pauses: number[] = []
  const awake = new AwakeClock({
    clock: {
      monotonicMs: () => clock.monotonicMs() + stoppedMs,
      wallMs: () => clock.wallMs() + stoppedMs,
      schedule: (delayMs, wake) => clock.schedule(delayMs, wake)
    },
    pauseMinMs: 3_000,
    onPause: pausedMs => void pauses.push(pausedMs)
  })
  return { awake, clock, pauses, stop: (ms: number) => void (stoppedMs += ms) }
}

test('while the process runs, the time is that of the clock', () => {
  const { awake, clock, pauses } = stoppable()
  clock.advance(3_600_000)
  expect(awake.monotonicMs()).toBe(3_600_000)
  expect(pauses).toEqual([])
})

test('a pause does not count, but for what one look may take', () => {
  const { awake, clock, pauses, stop } = stoppable()
  clock.advance(10_000)
  stop(60_000)
  expect(awake.monotonicMs()).toBeGreaterThanOrEqual(10_000)
  expect(awake.monotonicMs()).toBeLessThanOrEqual(10_750)
  clock.advance(10_000)
  expect(awake.monotonicMs()).toBeLessThanOrEqual(20_750)
  expect(pauses).toHaveLength(1)
})

test('a pause is noticed by whoever looks first, or else at the next look', () => {
  const { clock, pauses, stop } = stoppable()
  clock.advance(1_000)
  stop(60_000)
  clock.advance(750)
  expect(pauses).toHaveLength(1)
})

test('a moment of less than the shortest pause counts as time', () => {
  const { awake, clock, pauses, stop } = stoppable()
  clock.advance(750)
  stop(2_000)
  expect(awake.monotonicMs()).toBe(2_750)
  expect(pauses).toEqual([])
})

test('the time never goes back, and the wall clock is that of the machine', () => {
  const { awake, clock, stop } = stoppable()
  let beforeMs = 0
  for (const pauseMs of [100, 5_000, 0, 3_000, 1_000_000]) {
    stop(pauseMs)
    const nowMs = awake.monotonicMs()
    expect(nowMs).toBeGreaterThanOrEqual(beforeMs)
    beforeMs = nowMs
    clock.advance(10)
  }
  expect(awake.wallMs()).toBe(1_008_150)
})

test('a clock that was stopped leaves no alarm, and takes no time for a pause', () => {
  const { awake, clock, pauses } = stoppable()
  awake.stop()
  expect(clock.pendingCount).toBe(0)
  clock.advance(60_000)
  expect(awake.monotonicMs()).toBe(60_000)
  expect(pauses).toEqual([])
})
