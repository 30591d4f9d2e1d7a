import { expect, test } from 'vitest'
import { isGood } from '../../scripts/bar/restart.ts'
import { runRestarts, type RestartedBroker } from '../../scripts/bar/restart-run.ts'
import { brokerSettings } from '../../src/broker-options.ts'
import { Broker } from '../../src/broker.ts'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import type { Files } from '../../src/io/files.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { nodeClock } from '../../src/io/node-clock.ts'
import { nodeRandom } from '../../src/io/node-random.ts'
import { silentLogger, type Logger } from '../../src/telemetry/logger.ts'

// `npm run bar -- restart` in small, in one process and in RAM.

/** A broker in this process; `spoil` may change its files before a start. */
function brokerHere(
  durability: DurabilityMode,
  spoil: (files: Files) => void = () => {}
): RestartedBroker {
  const files = memoryFiles()
  let broker: Broker | null = null
  return {
    async start() {
      spoil(files)
      let scanned: unknown = null
      const logger: Logger = {
        ...silentLogger,
        info: (message, fields) => {
          if (message === 'logs are open') scanned = fields?.bytesScanned
        }
      }
      const settings = brokerSettings({ dataDir: '/data', durability, logger })
      broker = await Broker.start(settings, { clock: nodeClock, random: nodeRandom, files })
      return { port: broker.listeners[0]!.port, readyMs: 0, bytesScanned: Number(scanned) }
    },
    async stop() {
      await broker!.close()
    },
    async kill() {
      broker!.fail(new Error('killed'))
      await broker!.close()
    }
  }
}

const small = { partitions: 12, bytes: 6_000_000, batchBytes: 100_000 }

for (const durability of ['os', 'fsync'] as const) {
  test(`a start after a stop reads nothing of the logs, one after a kill their ends (${durability})`, async () => {
    const outcome = await runRestarts(brokerHere(durability), small)
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, records: 12 * 5 * 10 + 3 * 10 })
    expect(isGood(outcome)).toBe(true)
    const { starts, bytes } = outcome
    expect(starts['a kill under load'].bytesScanned).toBeLessThan(2 * bytes)
    expect(starts['a stop in order'].bytesScanned).toBe(0)
    const soonAfter = starts['a kill soon after'].bytesScanned
    expect(soonAfter).toBeGreaterThan(0)
    expect(soonAfter).toBeLessThan(3 * 2 * 1_200)
  })
}

test('records that are gone after a start are counted as lost, and the bar fails', async () => {
  let starts = 0
  const outcome = runRestarts(
    brokerHere('fsync', files => {
      if (++starts !== 4) return
      files.removeDirectory('/data/restart-5')
    }),
    small
  )
  expect(await outcome).toMatchObject({ lost: 50 })
  expect(isGood(await outcome)).toBe(false)
})
