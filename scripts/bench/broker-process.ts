import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { startKafka } from '../oracle/kafka.ts'
import { nativeProgram } from './native.ts'
import type { ContenderName } from './workload.ts'

/** A server in a process of its own, so that it never shares an event loop with its load. */
export interface BrokerProcess {
  readonly host: string
  readonly port: number
  /** CPU seconds used so far, user and system, all threads (Linux; null elsewhere). */
  cpuSeconds(): number | null
  /** Resident memory, bytes (Linux; null elsewhere). */
  residentSize(): number | null
  stop(): Promise<void>
}

export type Durability = 'os' | 'fsync'

/** What Apache Kafka is run with: the heap of its own start script. */
export const kafkaJavaOptions = ['-Xmx1G', '-Xms1G', '-XX:+UseG1GC', '-server']

/**
 * `os`: an acknowledgement means that the page cache has the record, as Apache Kafka does by
 * itself. `fsync`: that it is on disk; for Apache Kafka that is flush.messages=1.
 */
export function startContender(
  name: Exclude<ContenderName, 'C sink'>,
  durability: Durability
): Promise<BrokerProcess> {
  return name === 'odradek' ? startOdradek(durability) : startApacheKafka(durability)
}

export interface OdradekProcess {
  readonly child: ChildProcess
  readonly stop: () => Promise<void>
}

/** Spawns `dist/cli.cjs` on a port (0: a free one) with a data directory that `stop` removes. */
export function spawnOdradek(durability: Durability, port: number): OdradekProcess {
  const directory = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
  const where = ['--listen', `127.0.0.1:${port}`, '--data-dir', join(directory, 'data')]
  const options = [...where, '--durability', durability, '--log-level', 'warn']
  const child = spawn(process.execPath, [resolve('dist/cli.cjs'), 'start', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: spawnEnvironment()
  })
  return {
    child,
    async stop() {
      await endChild(child)
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** Extra certificates, where they are set, cost every start of Node 50 ms: nobody's figure. */
function spawnEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env
  return environment
}

async function startOdradek(durability: Durability): Promise<BrokerProcess> {
  const { child, stop } = spawnOdradek(durability, 0)
  const [line] = await firstLine(child)
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1])
  return { host: '127.0.0.1', port, ...usageOf(child.pid!), stop }
}

async function startApacheKafka(durability: Durability): Promise<BrokerProcess> {
  const kafka = await startKafka({
    javaOptions: kafkaJavaOptions,
    properties: durability === 'fsync' ? { 'log.flush.interval.messages': '1' } : {}
  })
  const [host, port] = kafka.bootstrapServers.split(':')
  return {
    host: host!,
    port: Number(port),
    ...usageOf(kafka.pids()[0]!),
    stop: () => kafka.stop()
  }
}

/**
 * Starts the C program that does the least a broker must do.
 *
 * @param recordsAt where the batch stands in the requests it will get
 */
export async function startSink(recordsAt: number, topicSize: number): Promise<BrokerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
  const options = [join(directory, 'log'), String(recordsAt), String(topicSize)]
  const child = spawn(nativeProgram('sink'), options, { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await firstLine(child)
  return {
    host: '127.0.0.1',
    port: Number(line),
    ...usageOf(child.pid!),
    async stop() {
      await endChild(child)
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** @throws Error when the process ends before it has said anything */
export async function firstLine(child: ChildProcess): Promise<readonly [string]> {
  const lines = createInterface({ input: child.stdout! })
  for await (const line of lines) return [line]
  throw new Error('a process ended before its first line')
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

export function usageOf(pid: number): Pick<BrokerProcess, 'cpuSeconds' | 'residentSize'> {
  return {
    cpuSeconds: () => linuxCpuSeconds(pid),
    residentSize: () => linuxResidentSize(pid)
  }
}

/** Clock ticks a second that /proc counts in: fixed at 100 in every Linux ABI that Node runs on. */
const clockTicks = 100

function linuxCpuSeconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / clockTicks
  } catch {
    return null
  }
}

function linuxResidentSize(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  } catch {
    return null
  }
}
