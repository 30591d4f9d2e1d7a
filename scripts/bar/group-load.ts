import type { Consumer } from 'kafkajs'
import { insist, patientKafka, placeName } from './clients.ts'
import type { Runner } from './load.ts'

/** Members of one consumer group that read and commit, and the commits that were acknowledged. */
export class CommittingGroup implements Runner {
  readonly groupId: string
  readonly #address: string
  readonly #topics: readonly string[]
  readonly #committed = new Map<string, number>()
  #consumers: readonly Consumer[] = []
  #commitCount = 0

  constructor(address: string, groupId: string, topics: readonly string[]) {
    this.#address = address
    this.groupId = groupId
    this.#topics = topics
  }

  /** Commits that were acknowledged. */
  get commitCount(): number {
    return this.#commitCount
  }

  async start(members: number): Promise<void> {
    const consumers = Array.from({ length: members }, () => this.#member())
    this.#consumers = consumers
    await Promise.all(
      consumers.map(async consumer => {
        await insist(() => consumer.connect())
        await insist(() => consumer.subscribe({ topics: [...this.#topics], fromBeginning: true }))
        await consumer.run({ autoCommitInterval: 20, eachBatch: async () => {} })
      })
    )
  }

  async stop(): Promise<void> {
    await Promise.all(this.#consumers.map(consumer => consumer.disconnect()))
  }

  /** Partitions whose committed offset, as it is answered now, is behind an acknowledged one. */
  async commitsBehind(): Promise<readonly string[]> {
    const admin = patientKafka(this.#address).admin()
    await insist(() => admin.connect())
    try {
      const answered = await admin.fetchOffsets({
        groupId: this.groupId,
        topics: [...this.#topics]
      })
      const offsets = new Map(
        answered.flatMap(({ topic, partitions }) =>
          partitions.map(
            ({ partition, offset }) => [placeName(topic, partition), Number(offset)] as const
          )
        )
      )
      return [...this.#committed]
        .filter(([place, offset]) => (offsets.get(place) ?? -1) < offset)
        .map(([place, offset]) => `${place}: ${offsets.get(place)} after ${offset}`)
    } finally {
      await admin.disconnect()
    }
  }

  #member(): Consumer {
    const retry = { initialRetryTime: 20, maxRetryTime: 250, retries: 100_000 }
    const consumer = patientKafka(this.#address).consumer({
      groupId: this.groupId,
      // A member that a killed broker had not yet noted is waited for so long.
      sessionTimeout: 1_000,
      rebalanceTimeout: 1_000,
      heartbeatInterval: 200,
      maxWaitTimeInMs: 50,
      retry: { ...retry, restartOnFailure: async () => true }
    })
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      for (const { topic, partitions } of payload.topics) {
        for (const { partition, offset } of partitions) {
          this.#commitCount++
          const place = placeName(topic, Number(`${partition}`))
          const before = this.#committed.get(place) ?? -1
          this.#committed.set(place, Math.max(before, Number(offset)))
        }
      }
    })
    return consumer
  }
}
