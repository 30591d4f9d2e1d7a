import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { importLog } from '../../src/cli/log/import.ts'
import { findTarget } from '../../src/cli/log/log-target.ts'
import { verifyLog } from '../../src/cli/log/verify.ts'
import { readWhole } from '../../src/io/files.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { nodeFiles } from '../../src/io/node-files.ts'
import { crashedNow, Life, type CrashKind } from './life.ts'
import { PlaneRun } from './plane-run.ts'
import type { SimDisk } from './sim-disk.ts'
import { SimFiles } from './sim-files.ts'

const golden = fileURLToPath(new URL('../golden/kafka-4.4.0-logs/recorded-0', import.meta.url))
const crashKinds: readonly CrashKind[] = ['process', 'journaled', 'adversary']

/** A data directory with an empty topic, and a folder of Kafka's beside it. */
async function prepared(): Promise<SimDisk> {
  const run = new PlaneRun({ durability: 'fsync', seed: 1 })
  await run.do({ type: 'createTopic', topic: 0 })
  await run.do({ type: 'settle' })
  const { life } = await run.stop()
  const disk = life.crashed({ kind: 'process', after: life.now, torn: 0, seed: 1 })
  const files = new SimFiles(disk, { seed: 1 })
  const outside = nodeFiles()
  files.makeDirectory('/kafka/recorded-0')
  for (const { name } of outside.list(golden)) {
    const file = files.open(`/kafka/recorded-0/${name}`, 'create')
    file.writeSync([readWhole(outside, `${golden}/${name}`)], 0)
    file.close()
  }
  return crashedNow(disk, undefined, { kind: 'everything', torn: 0, seed: 1 })
}

async function importInto(life: Life, said: string[] = []): Promise<number> {
  const imported = await importLog({
    files: life.files,
    clock: manualClock(),
    source: '/kafka/recorded-0',
    dataDir: '/data',
    topic: 'orders',
    partition: 0,
    say: line => void said.push(line)
  })
  return imported.records
}

test('an import that is ended anywhere leaves the whole partition, or none of it', async () => {
  const life = new Life(await prepared(), { seed: 1 })
  const records = await importInto(life)
  const seen = { whole: 0, nothing: 0, leftovers: 0 }
  for (let after = 0; after <= life.now; after++) {
    for (const kind of crashKinds) {
      const next = new Life(life.crashed({ kind, after, torn: 0.5, seed: after }), { seed: 1 })
      const { files } = next
      if (files.exists('/data/orders-0')) {
        seen.whole++
        const findings: string[] = []
        const target = findTarget(files, '/data/orders-0')
        const totals = await verifyLog(files, target, found => {
          // What can be made anew is not synced.
          if (found.severity === 'damage') findings.push(JSON.stringify(found))
        })
        expect([after, kind, totals.records, findings]).toEqual([after, kind, records, []])
        continue
      }
      seen.nothing++
      if (after % 5 !== 0) continue
      const said: string[] = []
      expect([after, kind, await importInto(next, said)]).toEqual([after, kind, records])
      if (said.length > 0) seen.leftovers++
      const names = files.list('/data').map(({ name }) => name)
      expect(names.filter(name => name.endsWith('-import'))).toEqual([])
    }
  }
  expect(Math.min(seen.whole, seen.nothing, seen.leftovers)).toBeGreaterThan(0)
})
