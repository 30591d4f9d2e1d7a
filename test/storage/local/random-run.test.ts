import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { unreachable } from '../../../src/base/assert.ts'
import { batchPositions, lastOffset } from '../../../src/record/batch.ts'
import { manualClock } from '../../../src/io/manual-clock.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { AppendedBatch } from '../../../src/storage/partition-log.ts'
import { batchOf } from '../batches.ts'
import { crashable, openOrders, testDirectory } from './directory.ts'
import { powerCutFiles, type PowerCutFiles } from './power-cut-files.ts'

const configs = { segmentBytes: 600, indexIntervalBytes: 150, fileDeleteDelayMs: 10 }

type Change =
  | { readonly type: 'append'; readonly counts: readonly number[]; readonly valueSize: number }
  | { readonly type: 'raise'; readonly share: number }
  | { readonly type: 'truncate'; readonly share: number }

interface Failure {
  readonly type: 'failure'
  readonly how: 'powerCut' | 'kill'
  /** Appends that are under way. */
  readonly unawaited: number
  readonly draws: readonly number[]
}

type Step =
  Change | { readonly type: 'crash' } | { readonly type: 'reopen' } | { readonly type: 'clock' }

const share = fc.constantFrom(0, 0.2, 0.5, 0.8, 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      valueSize: fc.integer({ min: 0, max: 200 })
    })
  },
  fc.record({ type: fc.constant('raise' as const), share }),
  fc.record({ type: fc.constant('truncate' as const), share }),
  fc.constantFrom(
    { type: 'crash' as const },
    { type: 'reopen' as const },
    { type: 'clock' as const }
  )
)

/** What the log should hold. */
interface Model {
  batches: AppendedBatch[]
  logStartOffset: number
  leaderEpoch: number
}

function endOf(model: Model): number {
  return Math.max((model.batches.at(-1)?.lastOffset ?? -1) + 1, model.logStartOffset)
}

async function compare(log: LocalLog, model: Model): Promise<void> {
  expect(log.logStartOffset).toBe(model.logStartOffset)
  expect(log.logEndOffset).toBe(endOf(model))
  expect(log.durableEndOffset).toBe(endOf(model))
  expect(log.damage).toEqual([])
  const expected = model.batches.filter(batch => batch.lastOffset >= model.logStartOffset)
  const found: string[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const request = { fromOffset: offset, upToOffset: log.logEndOffset }
    const read = await log.read({ ...request, maxSize: 300, minOneBatch: true })
    if (!read.ok) throw new Error(`${read.error} at ${offset}`)
    for (const at of batchPositions(read.value.bytes)) {
      offset = lastOffset(read.value.bytes, at) + 1
    }
    found.push(read.value.bytes.toString('latin1'))
    read.value.release()
  }
  expect(found.join('')).toBe(expected.map(({ bytes }) => bytes.toString('latin1')).join(''))
}

/** Does to the log what leaves it open, and to the model the same. */
async function apply(log: LocalLog, model: Model, current: Change): Promise<void> {
  switch (current.type) {
    case 'append': {
      let baseOffset = endOf(model)
      const { leaderEpoch } = model
      const batches = current.counts.map(count => {
        const timestampMs = 1000 + ((baseOffset * 7919) % 100)
        const { valueSize } = current
        const batch = batchOf({ baseOffset, count, valueSize, leaderEpoch, timestampMs })
        baseOffset += count
        return batch
      })
      expect(await log.append(1, endOf(model), batches)).toMatchObject({ ok: true })
      model.batches.push(...batches)
      return
    }
    case 'raise': {
      const room = endOf(model) - model.logStartOffset
      const offset = model.logStartOffset + Math.floor(room * current.share)
      expect(await log.raiseLogStartOffset(1, offset)).toMatchObject({ ok: true })
      model.logStartOffset = offset
      return
    }
    case 'truncate': {
      const room = endOf(model) - model.logStartOffset
      const offset = model.logStartOffset + Math.ceil(room * current.share)
      expect(await log.truncate(1, offset)).toMatchObject({ ok: true })
      model.batches = model.batches.filter(batch => batch.lastOffset < offset)
      const end = log.logEndOffset
      expect(end).toBe(Math.min(offset, (model.batches.at(-1)?.lastOffset ?? end - 1) + 1))
      model.logStartOffset = Math.min(model.logStartOffset, end)
      return
    }
    default:
      unreachable(current)
  }
}

const failure: fc.Arbitrary<Failure> = fc.record({
  type: fc.constant('failure' as const),
  how: fc.constantFrom('powerCut' as const, 'kill' as const),
  unawaited: fc.integer({ min: 0, max: 4 }),
  draws: fc.array(fc.nat(), { minLength: 1, maxLength: 40 })
})

/**
 * Ends a life while some appends may be under way; gives the files and the batches they may hold.
 */
async function fail(
  files: PowerCutFiles,
  log: LocalLog,
  model: Model,
  { how, unawaited, draws }: Failure
): Promise<{ readonly files: PowerCutFiles; readonly possible: readonly AppendedBatch[] }> {
  const possible = [...model.batches]
  for (let count = 0; count < unawaited; count++) {
    const baseOffset = log.logEndOffset
    const batch = batchOf({ baseOffset, count: 2, leaderEpoch: model.leaderEpoch })
    void log.append(1, baseOffset, [batch])
    possible.push(batch)
    if (count === 1) await Promise.resolve()
  }
  let drawn = 0
  const draw = (choices: number): number => draws[drawn++ % draws.length]! % choices
  return { files: how === 'kill' ? files.kill() : files.cut(draw), possible }
}

test.prop([fc.array(fc.oneof(step, failure), { minLength: 1, maxLength: 30 })], { numRuns: 300 })(
  'what was acknowledged in the mode fsync survives kills and power cuts, and nothing else appears',
  async steps => {
    let files = powerCutFiles()
    const clock = manualClock()
    const open = (): ReturnType<typeof openOrders> =>
      openOrders(testDirectory(files, '/var/data', 'fsync', clock), configs)
    const model: Model = { batches: [], logStartOffset: 0, leaderEpoch: 0 }
    let opened = await open()
    for (const current of steps) {
      if (current.type === 'clock') clock.advance(100)
      else if (current.type === 'failure') {
        const acknowledged = endOf(model)
        const left = await fail(files, opened.log, model, current)
        files = left.files
        opened = await open()
        model.leaderEpoch++
        expect(opened.log.logEndOffset).toBeGreaterThanOrEqual(acknowledged)
        model.batches = left.possible.filter(batch => batch.lastOffset < opened.log.logEndOffset)
      } else if (current.type === 'crash' || current.type === 'reopen') {
        if (current.type === 'reopen') await opened.directory.close()
        opened = await open()
        model.leaderEpoch++
      } else await apply(opened.log, model, current)
      await compare(opened.log, model)
    }
  }
)

for (const durability of ['os', 'fsync'] as const) {
  test.prop([fc.array(step, { minLength: 1, maxLength: 40 })], { numRuns: 150 })(
    `whatever happens to a log, it holds what was acknowledged (${durability})`,
    async steps => {
      const directory = testDirectory(crashable(memoryFiles()), '/data', durability)
      const model: Model = { batches: [], logStartOffset: 0, leaderEpoch: 0 }
      let opened = await openOrders(directory, configs)
      for (const current of steps) {
        if (current.type === 'clock') directory.clock.advance(100)
        else if (current.type === 'crash' || current.type === 'reopen') {
          if (current.type === 'reopen') await opened.directory.close()
          opened = await openOrders(directory, configs)
          model.leaderEpoch++
        } else await apply(opened.log, model, current)
        await compare(opened.log, model)
      }
      expect(directory.failures).toEqual([])
    }
  )
}
