import { afterAll, beforeAll } from 'vitest'
import type { BrokerOptions } from '../../src/index.ts'

/** What a conformance test may know of the broker it talks to. */
export interface BrokerUnderTest {
  /** `host:port` of every broker, joined by commas. */
  readonly bootstrapServers: string
  close(): Promise<void>
}

/**
 * The broker at ODRADEK_TEST_BOOTSTRAP, which may be Apache Kafka itself, else a new embedded one
 * in memory.
 */
export async function startBrokerUnderTest(options: BrokerOptions = {}): Promise<BrokerUnderTest> {
  const bootstrapServers = process.env.ODRADEK_TEST_BOOTSTRAP
  if (bootstrapServers !== undefined) return { bootstrapServers, close: async () => {} }
  // Imported only here: against Kafka the tests need no broker of ours, not even one that compiles.
  const { startBroker } = await import('../../src/index.ts')
  // Waiting for more members would only make the tests slow.
  const config = { 'group.initial.rebalance.delay.ms': 0, ...options.config }
  return startBroker({ ...options, config })
}

/** Gives the tests of a file one broker, started before the first and closed after the last. */
export function useBroker(options: BrokerOptions = {}): { readonly bootstrapServers: string } {
  let broker: BrokerUnderTest | undefined
  beforeAll(async () => {
    broker = await startBrokerUnderTest(options)
  })
  afterAll(async () => {
    await broker?.close()
  })
  return {
    get bootstrapServers() {
      if (broker === undefined) throw new Error('the broker is only there while tests run')
      return broker.bootstrapServers
    }
  }
}
