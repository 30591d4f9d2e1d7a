import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'

const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** Where install.ts builds node-rdkafka: one directory for each version of it. */
export const installDirectory = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'),
  'odradek-librdkafka',
  versionIn(manifest)
)

/** Why the tests of this folder do not run, or null when node-rdkafka is there. */
export function missingReason(): string | null {
  const binary = path.join(installDirectory, 'node_modules/node-rdkafka/build/Release')
  return existsSync(path.join(binary, 'node-librdkafka.node'))
    ? null
    : 'node-rdkafka is not built: npm run conformance:librdkafka builds it and runs these tests'
}

/** What the tests use of node-rdkafka. */
export interface NodeRdkafka {
  readonly librdkafkaVersion: string
  readonly Producer: new (config: object, topicConfig?: object) => RdkafkaProducer
  readonly KafkaConsumer: new (config: object, topicConfig?: object) => RdkafkaConsumer
  readonly AdminClient: { create(config: object): RdkafkaAdmin }
}

/** How node-rdkafka tells the end of a call. */
export type Done<T> = (error: RdkafkaError | null, value: T) => void

export interface RdkafkaError extends Error {
  readonly code: number
}

export interface RdkafkaClient {
  isConnected(): boolean
  connect(options: object, done: Done<unknown>): unknown
  disconnect(done: Done<unknown>): unknown
  on(event: string, listener: (...values: never[]) => void): unknown
}

export interface DeliveryReport {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly opaque?: unknown
}

export interface RdkafkaProducer extends RdkafkaClient {
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key?: string | Buffer | null,
    timestamp?: number | null,
    opaque?: unknown,
    headers?: readonly Record<string, string | Buffer>[]
  ): unknown
  setPollInterval(intervalMs: number): unknown
  initTransactions(timeoutMs: number, done: Done<unknown>): void
  beginTransaction(done: Done<unknown>): void
  commitTransaction(timeoutMs: number, done: Done<unknown>): void
  abortTransaction(timeoutMs: number, done: Done<unknown>): void
}

export interface RdkafkaMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  readonly timestamp?: number
  readonly headers?: readonly Record<string, Buffer | string>[]
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly offset?: number
}

export interface RdkafkaConsumer extends RdkafkaClient {
  subscribe(topics: readonly string[]): unknown
  consume(): unknown
  assignments(): TopicPartition[]
  /** Not `commitSync`: it blocks this process, and with it a broker that is embedded here. */
  commit(offsets: readonly TopicPartition[]): unknown
  committed(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
    done: Done<TopicPartition[]>
  ): unknown
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    done: Done<{ readonly lowOffset: number; readonly highOffset: number }>
  ): unknown
  offsetsForTimes(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
    done: Done<TopicPartition[]>
  ): unknown
}

export interface RdkafkaAdmin {
  createTopic(topic: object, timeoutMs: number, done: Done<unknown>): void
  deleteTopic(topic: string, timeoutMs: number, done: Done<unknown>): void
  createPartitions(topic: string, total: number, timeoutMs: number, done: Done<unknown>): void
  disconnect(): void
}

/** @throws when `missingReason` names one */
export function loadNodeRdkafka(): NodeRdkafka {
  const require = createRequire(path.join(installDirectory, 'package.json'))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return require('node-rdkafka') as NodeRdkafka
}

function versionIn(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'dependencies' in value) {
    const version: unknown = Reflect.get(Object(value.dependencies), 'node-rdkafka')
    if (typeof version === 'string') return version
  }
  throw new Error('package.json beside this file names the version of node-rdkafka')
}
