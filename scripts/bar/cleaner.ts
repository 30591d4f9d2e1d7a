import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asyncProperty, check, defaultReportMessage } from 'fast-check'
import { cases } from '../../test/conformance/kafka-cleaner/cases.ts'
import { runHistory } from '../../test/conformance/kafka-cleaner/cleaner-run.ts'
import { history } from '../../test/conformance/kafka-cleaner/histories.ts'
import { KafkaCleaner } from '../../test/conformance/kafka-cleaner/kafka-cleaner.ts'
import { defaultKafkaVersion, resolveKafka } from '../oracle/kafka.ts'
import { wholeNumber, type Bar } from './bar.ts'

const usage = `npm run bar -- cleaner [options]

Takes partitions through random histories of batches, transactions, tombstones, changed configs and
restarts. Before each compaction and each round of retention the segments are handed to the classes
of Apache Kafka (Maven brings them, Java 17 runs them), which do the same at the same moment: the
decision and every batch that is left have to be the same. A history that fails is made smaller.

  --histories N   (default 300)
  --seed N        (default 1)
`

/** Most steps of one history. */
const stepCountMax = 150

/** Compaction and retention, as Kafka does them. */
async function cleaner(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      histories: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' }
    }
  })
  const seed = wholeNumber('seed', values.seed, 0)
  const numRuns = wholeNumber('histories', values.histories)
  const kafka = new KafkaCleaner(await resolveKafka(defaultKafkaVersion))
  const scratch = await mkdtemp(join(tmpdir(), 'odradek-cleaner-'))
  let comparedCount = 0
  try {
    for (const [, steps] of cases)
      comparedCount += await runHistory(steps, kafka, join(scratch, 'run'))
    const property = asyncProperty(history(stepCountMax), async steps => {
      comparedCount += await runHistory(steps, kafka, join(scratch, 'run'))
    })
    const checked = await check(property, { seed, numRuns })
    if (checked.failed) console.log(defaultReportMessage(checked))
    console.log(
      `cleaner ${checked.failed ? 'FAIL' : 'PASS'} seed ${seed}: ${checked.numRuns} histories, ` +
        `${comparedCount} rounds compared with Apache Kafka ${defaultKafkaVersion}`
    )
    return checked.failed ? 1 : 0
  } finally {
    await kafka.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

export const bar: Bar = { usage, run: cleaner }
