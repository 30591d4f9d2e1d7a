import { describe, expect, test } from 'vitest'
import { lossProfiles, isDrawn } from '../sim/power-loss.ts'
import { Life, type Crash, type CrashKind } from '../sim/life.ts'
import { SimDisk } from '../sim/sim-disk.ts'
import { SimFiles } from '../sim/sim-files.ts'
import { checkCompacted, CompactedRun, type CompactionStep } from './compacted-run.ts'

const seed = 17

function send(producer: number, keys: readonly number[], id: number): CompactionStep {
  const records = keys.map(key => ({ key, value: key === 3 ? null : `${id} of ${key}` }))
  return { type: 'send', producer, records, codec: id % 4 === 0 ? 'gzip' : 'none' }
}

/** A log of several segments, of which some were compacted before. */
async function fill(run: CompactedRun): Promise<void> {
  await run.open()
  for (let id = 0; id < 12; id++) await run.do(send(id % 2, [id % 5, (id + 1) % 5], id))
  await run.do(send(2, [1], 12))
  await run.do({ type: 'end', producer: 2, result: 'abort' })
  await run.compact()
  await run.do({ type: 'advance', ms: 5000 })
  for (let id = 13; id < 24; id++) await run.do(send(id % 2, [id % 5, (id + 3) % 5], id))
  await turns()
}

/** Lets syncs that nobody waits for come to their end. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise(resolve => setImmediate(resolve))
}

interface CompactedLife {
  readonly life: Life
  readonly run: CompactedRun
  readonly from: number
  readonly logEndOffset: number
}

/** One life in which a compaction happens from step `from` on. */
async function lifeWithCompaction(durability: 'os' | 'fsync'): Promise<CompactedLife> {
  const life = new Life(new SimDisk(), { seed })
  const run = new CompactedRun(life.files, durability)
  await fill(run)
  const from = life.now
  await run.compact()
  // Files that are no longer needed go.
  await run.do({ type: 'advance', ms: 100 })
  await turns()
  return { life, run, from, logEndOffset: run.partition.logEndOffset }
}

/** Every crash from the first step of the compaction on, in every way. */
function* crashes({ life, from }: CompactedLife): Iterable<Crash> {
  for (let after = from; after <= life.now; after++) {
    yield { kind: 'process', after, torn: 0, seed: after }
    if (life.ops[after]?.type === 'write') yield { kind: 'process', after, torn: 0.5, seed: after }
    // Which names are kept decides over everything: there the power is cut in many ways.
    const isNaming = [life.ops[after - 1], life.ops[after]].some(op => op?.type === 'rename')
    for (const kind of lossProfiles) {
      const draws = isDrawn(kind) && isNaming ? 8 : 1
      for (let draw = 0; draw < draws; draw++) {
        yield { kind, after, torn: 0, seed: after * 31 + draw }
      }
    }
  }
}

function mayLose(durability: 'os' | 'fsync', kind: CrashKind): boolean {
  return durability === 'os' && kind !== 'process'
}

describe('a crash at any step of a compaction', () => {
  for (const durability of ['os', 'fsync'] as const) {
    test(`leaves the records, and the next life compacts them (${durability})`, async () => {
      const compacted = await lifeWithCompaction(durability)
      const { life, run, logEndOffset } = compacted
      expect(life.now - compacted.from).toBeGreaterThan(40)
      let count = 0
      for (const crash of crashes(compacted)) {
        const files = new SimFiles(life.crashed(crash), { seed })
        const next = new CompactedRun(files, durability, {}, run.model)
        const end = mayLose(durability, crash.kind) ? null : logEndOffset
        try {
          await next.open()
          await checkCompacted(next, end)
          // Killed as soon as it was ready: recovery may be interrupted, and comes to the same.
          if (count++ % 10 === 0) {
            const { logEndOffset: found } = next.partition
            const killed = new SimFiles(files.disk.copy(), { seed })
            const again = new CompactedRun(killed, durability, {}, run.model)
            await again.open()
            await checkCompacted(again, found)
            await again.compact()
            await checkCompacted(again, found)
          }
        } catch (error) {
          const step = life.describe(crash.after)
          throw new Error(`${JSON.stringify(crash)} before ${step}`, { cause: error })
        }
      }
      expect(count).toBeGreaterThan(400)
    })
  }
})

describe('a disk without room for a compaction', () => {
  test('leaves the log as it is, and the next one succeeds', async () => {
    for (let nth = 1; nth <= 30; nth += 3) {
      const files = new SimFiles(new SimDisk(), {
        seed,
        faults: [{ id: 'full', call: 'write', nth, code: 'ENOSPC', matches: '.cleaned' }]
      })
      const run = new CompactedRun(files, 'fsync')
      await run.open()
      for (let id = 0; id < 24; id++) await run.do(send(id % 2, [id % 5, (id + 1) % 5], id))
      const { logEndOffset } = run.partition
      const failed = await run.tryCompact()
      if (files.faults.met.size === 0) break
      expect([nth, failed]).toMatchObject([nth, { ok: false, error: 'NO_SPACE' }])
      await checkCompacted(run, logEndOffset)
      const left = files.list('/data/orders-0').filter(({ name }) => name.endsWith('.cleaned'))
      expect(left).toEqual([])
      expect((await run.compact()).sizeAfter).toBeGreaterThan(0)
      await checkCompacted(run, logEndOffset)
    }
  })
})
