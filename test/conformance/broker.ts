import { afterAll, beforeAll } from 'vitest'

/** What a conformance test may know of the broker it talks to. */
export interface BrokerUnderTest {
  /** `host:port` of every broker, joined by commas. */
  readonly bootstrapServers: string
  close(): Promise<void>
}

interface EmbeddingApi {
  startBroker(options: object): Promise<BrokerUnderTest>
}

/**
 * The broker at ODRADEK_TEST_BOOTSTRAP, which may be Apache Kafka itself, else a new embedded one
 * in memory.
 */
export async function startBrokerUnderTest(): Promise<BrokerUnderTest> {
  const bootstrapServers = process.env.ODRADEK_TEST_BOOTSTRAP
  if (bootstrapServers !== undefined) return { bootstrapServers, close: async () => {} }
  const embeddingApi = '../../src/index.ts'
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const api = (await import(embeddingApi)) as EmbeddingApi
  return api.startBroker({ config: { 'group.initial.rebalance.delay.ms': 0 } })
}

/** Gives the tests of a file one broker: started before the first of them, closed after the last. */
export function useBroker(): { readonly bootstrapServers: string } {
  let broker: BrokerUnderTest | undefined
  beforeAll(async () => {
    broker = await startBrokerUnderTest()
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
