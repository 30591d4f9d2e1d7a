import { expect, test } from 'vitest'
import { departureDelaySizeMax } from '../../src/limits.ts'
import { Departures } from '../../src/server/departures.ts'

interface Turns {
  readonly departures: Departures
  readonly left: string[]
  /** Notes when the flush is called. */
  readonly flush: (name: string) => () => void
  /** Ends the turn; returns how many callbacks waited for it. */
  readonly end: () => number
}

function turns(): Turns {
  let atEnd: (() => void)[] = []
  const left: string[] = []
  return {
    departures: new Departures(run => void atEnd.push(run)),
    left,
    flush: name => () => void left.push(name),
    end() {
      const running = atEnd
      atEnd = []
      for (const run of running) run()
      return running.length
    }
  }
}

function callbackDone(): Promise<void> {
  return new Promise(resolve => {
    process.nextTick(resolve)
  })
}

test('answers leave together when the turn ends, in their order', async () => {
  const { departures, left, flush, end } = turns()
  departures.worked(1000)
  departures.add(flush('a'))
  departures.add(flush('b'))
  await callbackDone()
  expect(left).toEqual([])
  expect(end()).toBe(1)
  expect(left).toEqual(['a', 'b'])
  expect(end()).toBe(0)
})

test('an answer that is added while others leave goes with the next turn', () => {
  const { departures, left, flush, end } = turns()
  departures.add(() => departures.add(flush('later')))
  end()
  expect(left).toEqual([])
  end()
  expect(left).toEqual(['later'])
})

test('much that was read before an answer lets it go when the callback is done', async () => {
  const { departures, left, flush, end } = turns()
  departures.worked(departureDelaySizeMax + 1)
  departures.add(flush('a'))
  expect(left).toEqual([])
  await callbackDone()
  expect(left).toEqual(['a'])
  departures.add(flush('b'))
  await callbackDone()
  expect(left).toEqual(['a'])
  end()
  expect(left).toEqual(['a', 'b'])
})

test('much work behind an answer that waits lets it go', async () => {
  const { departures, left, flush, end } = turns()
  departures.add(flush('a'))
  departures.worked(departureDelaySizeMax)
  await callbackDone()
  expect(left).toEqual([])
  departures.worked(1)
  departures.worked(1)
  await callbackDone()
  expect(left).toEqual(['a'])
  end()
  expect(left).toEqual(['a'])
})
