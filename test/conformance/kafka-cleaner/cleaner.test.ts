import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cases } from './cases.ts'
import { runHistory } from './cleaner-run.ts'
import { history } from './histories.ts'
import { KafkaCleaner } from './kafka-cleaner.ts'

// Compaction and retention, held against Apache Kafka's own classes over the same segments. The
// long form is `npm run bar -- cleaner`.

const kafkaVersion = '4.4.0'
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
const libraries = join(cache, 'odradek-oracle', kafkaVersion)
const isHere = existsSync(libraries) && spawnSync('java', ['-version']).status === 0
if (!isHere) {
  console.warn(
    `Java 17 or Apache Kafka ${kafkaVersion} is not here ` +
      '(npm run bar -- cleaner brings the latter, by Maven): skipped'
  )
}

// Java takes its time to start where all processors are busy.
const patience = { timeout: 180_000 }

describe.skipIf(!isHere)("what Apache Kafka's Cleaner leaves is left here too:", patience, () => {
  let scratch: string
  let kafka: KafkaCleaner
  const run = (): string => join(scratch, 'run')
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'odradek-cleaner-'))
    kafka = new KafkaCleaner(libraries)
  })
  afterAll(async () => {
    await kafka.close()
    await rm(scratch, { recursive: true, force: true })
  })

  test.each(cases)('%s', async (_, steps) => {
    expect(await runHistory(steps, kafka, run())).toBeGreaterThan(1)
  })

  test('random histories', async () => {
    const property = fc.asyncProperty(history(60), async steps => {
      await runHistory(steps, kafka, run())
    })
    // The long form makes what fails smaller.
    await fc.assert(property, { seed: 1, numRuns: 4, endOnFailure: true })
  })

  test('and a moment later would be noticed', async () => {
    const late: Pick<KafkaCleaner, 'ask'> = {
      ask: request =>
        kafka.ask(
          request.action === 'describe' ? request : { ...request, wallMs: request.wallMs + 1 }
        )
    }
    const [, steps] = cases.find(([name]) => name.startsWith('tombstones'))!
    await expect(runHistory(steps, late, run())).rejects.toThrow('deleteHorizonMs')
  })
})
