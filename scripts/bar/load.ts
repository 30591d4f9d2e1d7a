import { setTimeout as delay } from 'node:timers/promises'
import type { CompressionTypes, Message } from 'kafkajs'
import { compressions, insist, patientKafka, placeName } from './clients.ts'
import { valueOf, type Ledger } from './ledger.ts'
import type { Draws } from '../../test/sim/draws.ts'

export interface LoadedTopic {
  readonly topic: string
  readonly partitions: number
}

export interface ProducerPlan {
  readonly name: string
  readonly isIdempotent: boolean
  readonly topics: readonly LoadedTopic[]
  /** Most records of one send, and the largest size of a value, bytes. */
  readonly recordsMax: number
  readonly valueSizeMax: number
  /** Longest pause between two sends, ms. */
  readonly pauseMsMax: number
}

/** Something that goes on until it is told to stop; a failure of it ends the whole bar. */
export interface Runner {
  stop(): Promise<void>
}

const patienceMs = 90_000

/**
 * Waits for something that must come soon.
 *
 * @throws when it has not come after a minute and a half: whoever waits for it is stuck
 */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = delay(patienceMs, null, { signal: timer.signal }).then(() => {
    throw new Error(`not within ${patienceMs} ms: ${what}`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    late.catch(() => {})
    timer.abort()
  }
}

/** Repeats a round until it is stopped. */
export function repeat(
  name: string,
  round: () => Promise<void>,
  finish: () => Promise<void>
): Runner {
  const stopping = new AbortController()
  const { signal } = stopping
  const running = (async () => {
    try {
      while (!signal.aborted) await round()
      await finish()
    } catch (error) {
      throw new Error(`${name} failed`, { cause: error })
    }
  })()
  // Whoever stops it hears of a failure; until then it is nobody's unhandled rejection.
  running.catch(() => {})
  return {
    async stop() {
      stopping.abort()
      await inTime(`${name} to stop`, running)
    }
  }
}

/**
 * A producer that sends one request after the other, each to some partitions of one topic: kafkajs
 * sends records of several topics twice when a connection fails between them.
 */
export async function startProducer(
  address: string,
  plan: ProducerPlan,
  ledger: Ledger,
  draws: Draws
): Promise<Runner> {
  const producer = patientKafka(address).producer({
    idempotent: plan.isIdempotent,
    maxInFlightRequests: 1
  })
  await insist(() => producer.connect())
  return repeat(
    plan.name,
    async () => {
      const { topic, partitions } = draws.pick(plan.topics)
      const send = drawSend(plan, { topic, partitions }, ledger, draws)
      const answers = await producer.send({
        topic,
        acks: -1,
        compression: draws.pick<CompressionTypes>(compressions),
        messages: send.messages
      })
      for (const { partition, baseOffset } of answers) {
        const numbered = send.numbers.get(partition)
        if (numbered === undefined) throw new Error(`an answer for ${topic}-${partition}`)
        const place = placeName(topic, partition)
        ledger.acknowledge(place, plan.name, { ...numbered, baseOffset: Number(baseOffset) })
      }
      await delay(draws.between(0, plan.pauseMsMax))
    },
    () => producer.disconnect()
  )
}

interface Send {
  readonly messages: Message[]
  readonly numbers: ReadonlyMap<number, { readonly first: number; readonly count: number }>
}

function drawSend(
  plan: ProducerPlan,
  { topic, partitions }: LoadedTopic,
  ledger: Ledger,
  draws: Draws
): Send {
  const messages: Message[] = []
  const numbers = new Map<number, { readonly first: number; readonly count: number }>()
  const touched = draws.between(1, partitions)
  const from = draws.between(0, partitions - 1)
  for (let index = 0; index < touched; index++) {
    const partition = (from + index) % partitions
    const count = draws.between(1, plan.recordsMax)
    const place = placeName(topic, partition)
    const first = ledger.number(place, plan.name, plan.isIdempotent, count)
    numbers.set(partition, { first, count })
    for (let number = first; number < first + count; number++) {
      const value = valueOf(plan.name, number, draws.between(0, plan.valueSizeMax))
      messages.push({ partition, value })
    }
  }
  return { messages, numbers }
}
