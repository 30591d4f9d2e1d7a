import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePorts } from '../oracle/kafka.ts'
import { keptDurability, positiveNumber, wholeNumber, type Bar } from './bar.ts'
import { BrokerUnderTest } from './broker-under-test.ts'
import { runRestarts, type RestartedBroker, type RestartOutcome } from './restart-run.ts'
import { RawClient } from '../../test/server/raw-client.ts'

const gigabyte = 1024 ** 3
const megabyte = 1024 ** 2
/** As large as a batch may be with the default of max.message.bytes, nearly. */
const batchBytes = 1_000_000
const readyTimeoutMs = 300_000

const usage = `npm run bar -- restart [options]

Fills a broker, and measures how long it takes until it is ready after a kill, a stop in order, and
another kill; then reads everything back.

  --partitions N      (default 1000)
  --gigabytes N       in all of them (default 10)
  --durability MODE   os or fsync (default fsync)
`

async function restart(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      partitions: { type: 'string', default: '1000' },
      gigabytes: { type: 'string', default: '10' },
      durability: { type: 'string', default: 'fsync' }
    }
  })
  const durability = keptDurability(values.durability)
  const partitions = wholeNumber('partitions', values.partitions)
  const bytes = positiveNumber('gigabytes', values.gigabytes) * gigabyte
  const directory = await mkdtemp(join(tmpdir(), 'odradek-restart-'))
  try {
    const [port] = await freePorts(1)
    const broker = new BrokerUnderTest({ directory, port: port!, durability })
    const outcome = await runRestarts(processOf(broker, port!), { partitions, bytes, batchBytes })
    for (const [after, { readyMs, bytesScanned }] of Object.entries(outcome.starts)) {
      console.log(
        `start after ${after}: ready in ${readyMs.toFixed(0)} ms, ${scanned(bytesScanned)}`
      )
    }
    const good = isGood(outcome)
    const verdict = good ? 'PASS' : 'FAIL'
    console.log(`restart ${durability}: ${figures(outcome, partitions)}, ${verdict}`)
    return good ? 0 : 1
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export const bar: Bar = { usage, run: restart }

export function isGood({ records, lost, duplicated }: RestartOutcome): boolean {
  return records > 0 && lost === 0 && duplicated === 0
}

function scanned(bytes: number): string {
  return `${(bytes / megabyte).toFixed(1)} MiB scanned`
}

function figures(outcome: RestartOutcome, partitions: number): string {
  const { starts, loadSeconds, stopMs, records, bytes, lost, duplicated } = outcome
  return [
    `${partitions} partitions`,
    `${(bytes / gigabyte).toFixed(1)} GiB`,
    `${records} records`,
    `loaded in ${loadSeconds.toFixed(0)} s`,
    `stopped in ${stopMs.toFixed(0)} ms`,
    ...Object.entries(starts).map(([after, { readyMs, bytesScanned }]) => {
      return `after ${after} ready in ${readyMs.toFixed(0)} ms with ${scanned(bytesScanned)}`
    }),
    `${lost} lost`,
    `${duplicated} duplicated`
  ].join(', ')
}

/** The built command as a process of its own. */
function processOf(broker: BrokerUnderTest, port: number): RestartedBroker {
  return {
    async start() {
      const startedMs = performance.now()
      broker.spawn()
      const readyMs = (await firstAnswerMs(port, startedMs)) - startedMs
      await broker.ready()
      return { port, readyMs, bytesScanned: bytesScanned(broker.log) }
    },
    async stop() {
      const { code } = await broker.stop()
      if (code !== 0) throw new Error(`the broker ended with ${code}:\n${broker.log}`)
    },
    async kill() {
      await broker.kill()
    }
  }
}

/** When the broker first answers ApiVersions. */
async function firstAnswerMs(port: number, startedMs: number): Promise<number> {
  for (;;) {
    try {
      const client = await RawClient.connect(port)
      await client.ask('ApiVersions', 0, {})
      await client.close()
      return performance.now()
    } catch (error) {
      if (performance.now() - startedMs > readyTimeoutMs) throw error
      await delay(2)
    }
  }
}

/** What the last start said it has read. */
function bytesScanned(log: string): number {
  const [, found] = [...log.matchAll(/"bytesScanned":(\d+)/g)].at(-1) ?? []
  if (found === undefined) throw new Error(`the broker did not say what it has read:\n${log}`)
  return Number(found)
}
