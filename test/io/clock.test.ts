import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { manualClock } from '../../src/io/manual-clock.ts'
import { nodeClock } from '../../src/io/node-clock.ts'

describe('the machine’s clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  test('never goes back', () => {
    let last = nodeClock.monotonicMs()
    for (let round = 0; round < 1000; round++) {
      const now = nodeClock.monotonicMs()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
  })

  test('wakes once, at the time or later', () => {
    const wake = vi.fn<() => void>()
    nodeClock.schedule(10.2, wake)
    vi.advanceTimersByTime(10)
    expect(wake).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    vi.advanceTimersByTime(1000)
    expect(wake).toHaveBeenCalledTimes(1)
  })

  test('wakes at the next turn for a time that is past', () => {
    const wake = vi.fn<() => void>()
    nodeClock.schedule(-5, wake)
    expect(wake).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(wake).toHaveBeenCalledTimes(1)
  })

  test('wakes nobody who has taken it back, before or after', () => {
    const wake = vi.fn<() => void>()
    const alarm = nodeClock.schedule(10, wake)
    alarm.cancel()
    alarm.cancel()
    vi.advanceTimersByTime(20)
    expect(wake).not.toHaveBeenCalled()
  })

  test('keeps delays that are longer than Node’s timers can be, and takes those back too', () => {
    const wake = vi.fn<() => void>()
    const never = vi.fn<() => void>()
    const delayMs = 5 * 2 ** 31
    nodeClock.schedule(delayMs, wake)
    const alarm = nodeClock.schedule(delayMs, never)
    vi.advanceTimersByTime(delayMs - 1)
    expect(wake).not.toHaveBeenCalled()
    alarm.cancel()
    vi.advanceTimersByTime(1)
    expect(wake).toHaveBeenCalledTimes(1)
    expect(never).not.toHaveBeenCalled()
  })
})

test('an alarm does not keep the process alive', () => {
  const module = fileURLToPath(new URL('../../src/io/node-clock.ts', import.meta.url))
  const script = `
    import { nodeClock } from ${JSON.stringify(module)}
    nodeClock.schedule(3_600_000, () => {})`
  const { status, signal } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script],
    { timeout: 120_000 }
  )
  expect([status, signal]).toEqual([0, null])
})

describe('a clock that is moved by hand', () => {
  test('stands still until then', () => {
    const clock = manualClock(5000)
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([0, 5000])
    clock.advance(250)
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([250, 5250])
  })

  test('wakes in the order of the moments, each at its own', () => {
    const clock = manualClock()
    const seen: string[] = []
    const note = (name: string) => () => seen.push(`${name} at ${clock.monotonicMs()}`)
    clock.schedule(30, note('third'))
    clock.schedule(10, note('first'))
    clock.schedule(10, note('second'))
    clock.schedule(31, note('not yet'))
    clock.advance(30)
    expect(seen).toEqual(['first at 10', 'second at 10', 'third at 30'])
    expect([clock.monotonicMs(), clock.pendingCount]).toEqual([30, 1])
  })

  test('wakes those who were scheduled on the way, too', () => {
    const clock = manualClock()
    let ticks = 0
    const tick = (): void => {
      ticks++
      clock.schedule(10, tick)
    }
    clock.schedule(10, tick)
    clock.advance(55)
    expect([ticks, clock.pendingCount]).toEqual([5, 1])
  })

  test('wakes nobody who has taken it back, also on the way', () => {
    const clock = manualClock()
    const never = vi.fn<() => void>()
    const later = clock.schedule(20, never)
    clock.schedule(10, () => later.cancel())
    clock.schedule(5, never).cancel()
    clock.advance(100)
    expect(never).not.toHaveBeenCalled()
  })

  test('may be moved by one who is woken', () => {
    const clock = manualClock()
    const seen: number[] = []
    clock.schedule(10, () => clock.advance(50))
    clock.schedule(20, () => seen.push(clock.monotonicMs()))
    clock.advance(30)
    expect(seen).toEqual([20])
    expect(clock.monotonicMs()).toBe(60)
  })

  test('can leap on the wall, forth and back, while monotonic time goes on', () => {
    const clock = manualClock(1000)
    const wake = vi.fn<() => void>()
    clock.schedule(100, wake)
    clock.setWallMs(1_000_000)
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([0, 1_000_000])
    expect(wake).not.toHaveBeenCalled()
    clock.setWallMs(5)
    clock.advance(100)
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([100, 105])
    expect(wake).toHaveBeenCalledTimes(1)
  })
})
