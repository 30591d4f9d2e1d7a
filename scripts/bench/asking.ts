import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { decodeResponse, encodeRequest } from '../../src/wire/header.ts'
import type { Address } from './raw-load.ts'

/** Asks one thing on a connection of its own. */
export async function ask<A extends ApiName>(
  { host, port }: Address,
  apiName: A,
  version: number,
  request: Messages[A]['requestInit']
): Promise<Messages[A]['readResponse']> {
  const socket = connect({ host, port, noDelay: true })
  try {
    await once(socket, 'connect')
    socket.write(Buffer.concat(encodeRequest(apiName, version, 0, 'bench', request)))
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of socket) {
      chunks.push(chunk)
      size += chunk.length
      if (size < 4) continue
      const answer = Buffer.concat(chunks)
      if (size >= 4 + answer.readInt32BE(0)) {
        return decodeResponse(apiName, version, answer.subarray(4)).response
      }
      chunks.splice(0, chunks.length, answer)
    }
    throw new Error(`${apiName} was not answered`)
  } finally {
    socket.destroy()
  }
}

/** How long a topic may take until it has leaders, ms. */
const creationMaxMs = 180_000
/** Topics that are created with one request. */
const topicsAtOnce = 500

/** Creates topics and waits until the broker leads all of their partitions. */
export async function createTopics(
  address: Address,
  topics: readonly string[],
  numPartitions: number
): Promise<void> {
  for (let from = 0; from < topics.length; from += topicsAtOnce) {
    const some = topics.slice(from, from + topicsAtOnce)
    const { topics: created } = await ask(address, 'CreateTopics', 4, {
      topics: some.map(name => ({
        name,
        numPartitions,
        replicationFactor: 1,
        assignments: [],
        configs: []
      })),
      timeoutMs: 60_000
    })
    const failed = created.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`${failed.name}: error ${failed.errorCode}`)
  }
  const deadlineMs = performance.now() + creationMaxMs
  while (!(await areLed(address, topics, numPartitions))) {
    if (performance.now() > deadlineMs) throw new Error('topics have no leaders')
    await delay(50)
  }
}

async function areLed(
  address: Address,
  topics: readonly string[],
  numPartitions: number
): Promise<boolean> {
  const metadata = await ask(address, 'Metadata', 4, {
    topics: topics.length > 100 ? null : topics.map(name => ({ name })),
    allowAutoTopicCreation: false
  })
  const led = metadata.topics.filter(
    ({ errorCode, partitions }) =>
      errorCode === 0 &&
      partitions.length === numPartitions &&
      partitions.every(partition => partition.errorCode === 0)
  )
  const names = new Set(led.map(({ name }) => name))
  return topics.every(topic => names.has(topic))
}

export async function deleteTopics(address: Address, topics: readonly string[]): Promise<void> {
  await ask(address, 'DeleteTopics', 4, { topicNames: [...topics], timeoutMs: 60_000 })
}
