import { fc, test as propertyTest } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { deferred, type Deferred } from '../../src/base/deferred.ts'
import { Changes } from '../../src/cluster/changes.ts'
import { manualClock } from '../../src/io/manual-clock.ts'

/** Changes that take as long as the test says, and what became of them. */
class Bench {
  readonly clock = manualClock()
  readonly changes = new Changes(this.clock)
  readonly begun: string[] = []
  readonly heard: string[] = []
  readonly #ends = new Map<string, Deferred<string>>()

  ask(name: string, waitMs: number | null): void {
    const task = (): Promise<string> => {
      this.begun.push(name)
      const end = deferred<string>()
      this.#ends.set(name, end)
      return end.promise
    }
    const patience = waitMs === null ? null : { waitMs, whenLate: () => 'late' }
    void this.changes.run(task, patience).then(
      outcome => this.heard.push(`${name} ${outcome}`),
      (error: unknown) => this.heard.push(`${name} failed: ${String(error)}`)
    )
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.resolve('done')
    await this.turns()
  }

  async fail(name: string): Promise<void> {
    this.#ends.get(name)?.reject('no disk')
    await this.turns()
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.turns()
  }

  async turns(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
}

test('changes happen one after the other, and one that fails does not stop the next', async () => {
  const bench = new Bench()
  for (const name of ['a', 'b', 'c']) bench.ask(name, 1000)
  expect(bench.begun).toEqual(['a'])
  await bench.end('a')
  expect(bench.begun).toEqual(['a', 'b'])
  await bench.fail('b')
  await bench.end('c')
  expect(bench.heard).toEqual(['a done', 'b failed: no disk', 'c done'])
  expect(bench.clock.pendingCount).toBe(0)
})

test('nobody waits longer than it wants: what has begun goes on, what has not never begins', async () => {
  const bench = new Bench()
  bench.ask('a', 1000)
  bench.ask('b', 2000)
  bench.ask('c', 5000)
  await bench.advance(999)
  expect(bench.heard).toEqual([])
  await bench.advance(1)
  await bench.advance(1000)
  expect(bench.heard).toEqual(['a late', 'b late'])
  expect(bench.changes.waitingCount).toBe(1)
  await bench.end('a')
  expect(bench.begun).toEqual(['a', 'c'])
  await bench.end('c')
  expect(bench.heard).toEqual(['a late', 'b late', 'c done'])
  expect(bench.clock.pendingCount).toBe(0)
})

test('time during which the process stood still is not counted', async () => {
  const clock = manualClock()
  const paused = { ms: 0 }
  const awake = { ...clock, monotonicMs: () => clock.monotonicMs() - paused.ms }
  const heard: string[] = []
  const patience = { waitMs: 5000, whenLate: () => 'late' }
  void new Changes(awake)
    .run(() => new Promise<string>(() => {}), patience)
    .then(outcome => heard.push(outcome))
  paused.ms = 4000
  clock.advance(5000)
  await Promise.resolve()
  expect(heard).toEqual([])
  clock.advance(3999)
  await Promise.resolve()
  expect(heard).toEqual([])
  clock.advance(1)
  await Promise.resolve()
  expect(heard).toEqual(['late'])
})

test('a change that began late and fails unheard does not stop the next', async () => {
  const bench = new Bench()
  bench.ask('a', 1000)
  bench.ask('b', null)
  await bench.advance(1_000_000)
  await bench.fail('a')
  await bench.end('b')
  expect(bench.heard).toEqual(['a late', 'b done'])
})

const byNumber = (a: string, b: string) => Number(a) - Number(b)

const step = fc.oneof(
  fc.record({ type: fc.constant('ask' as const), waitMs: fc.option(fc.nat(5000)) }),
  fc.record({ type: fc.constant('end' as const) }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.nat(3000) })
)

propertyTest.prop([fc.array(step, { maxLength: 60 })])(
  'each change is heard of once, and begins in its turn or not at all',
  async steps => {
    const bench = new Bench()
    const asked: { readonly name: string; readonly untilMs: number }[] = []
    const ended = new Set<string>()
    for (const [index, each] of steps.entries()) {
      if (each.type === 'ask') {
        const untilMs = bench.clock.monotonicMs() + (each.waitMs ?? Infinity)
        asked.push({ name: String(index), untilMs })
        bench.ask(String(index), each.waitMs)
      } else if (each.type === 'end') {
        const atWork = bench.begun.find(name => !ended.has(name))
        if (atWork !== undefined) ended.add(atWork)
        if (atWork !== undefined) await bench.end(atWork)
      } else {
        await bench.advance(each.ms)
      }
    }
    for (;;) {
      const atWork = bench.begun.find(name => !ended.has(name))
      if (atWork === undefined) break
      ended.add(atWork)
      await bench.end(atWork)
    }
    const names = asked.map(({ name }) => name)
    const heard = bench.heard.map(text => text.split(' ')[0]!)
    expect(heard.toSorted(byNumber)).toEqual(names)
    expect(bench.begun).toEqual(names.filter(name => bench.begun.includes(name)))
    for (const { name, untilMs } of asked) {
      if (bench.begun.includes(name)) continue
      expect(bench.heard).toContain(`${name} late`)
      expect(untilMs).toBeLessThanOrEqual(bench.clock.monotonicMs())
    }
    expect([bench.changes.waitingCount, bench.clock.pendingCount]).toEqual([0, 0])
  }
)
