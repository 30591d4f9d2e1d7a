import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { startKafka } from '../oracle/kafka.ts'

/**
 * A broker in a process of its own, so that load generator and broker never share an event loop.
 */
export interface BrokerProcess {
  readonly host: string
  readonly port: number
  /** Milliseconds from spawn until clients can connect. */
  readonly readyMs: number
  /** CPU seconds used so far, user and system, all threads (Linux; null elsewhere). */
  cpuSeconds(): number | null
  /** Resident memory, bytes (Linux; null elsewhere). */
  residentSize(): number | null
  stop(): Promise<void>
}

export type Durability = 'memory' | 'os' | 'fsync'

/** What is measured: a broker in one durability mode. */
export interface Contender {
  readonly broker: 'odradek' | 'Apache Kafka'
  readonly durability: Durability
  start(): Promise<BrokerProcess>
}

export function odradek(durability: Durability): Contender {
  return { broker: 'odradek', durability, start: () => startOdradek(durability) }
}

/**
 * Apache Kafka with the heap of its own start script. It acknowledges what the page cache has;
 * `flush.messages=1` is its way to what we call `fsync`. It has no mode that keeps data in memory.
 */
export function apacheKafka(durability: Exclude<Durability, 'memory'>): Contender {
  return { broker: 'Apache Kafka', durability, start: () => startApacheKafka(durability) }
}

/** Starts `dist/cli.cjs` on a free port, with a fresh data directory that `stop` removes. */
async function startOdradek(durability: Durability): Promise<BrokerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
  const storage = durability === 'memory' ? [] : ['--data-dir', join(dataDir, 'data')]
  const options = ['--listen', '127.0.0.1:0', '--durability', durability, '--log-level', 'warn']
  const startedAtMs = performance.now()
  const child = spawn(
    process.execPath,
    [resolve('dist/cli.cjs'), 'start', ...options, ...storage],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: '' }
    }
  )
  const address = await readyAddress(child)
  return {
    ...address,
    readyMs: performance.now() - startedAtMs,
    ...usageOf(child.pid!),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

async function startApacheKafka(durability: Durability): Promise<BrokerProcess> {
  const startedAtMs = performance.now()
  const kafka = await startKafka({
    properties: durability === 'fsync' ? { 'log.flush.interval.messages': '1' } : {}
  })
  const [host, port] = kafka.bootstrapServers.split(':')
  return {
    host: host!,
    port: Number(port),
    readyMs: performance.now() - startedAtMs,
    ...usageOf(kafka.pids()[0]!),
    stop: () => kafka.stop()
  }
}

async function readyAddress(child: ChildProcess): Promise<{ host: string; port: number }> {
  const lines = createInterface({ input: child.stdout! })
  for await (const line of lines) {
    const match = /127\.0\.0\.1:(\d+)/.exec(line)
    if (match) return { host: '127.0.0.1', port: Number(match[1]) }
  }
  throw new Error('the broker ended before its ready line')
}

function usageOf(pid: number): Pick<BrokerProcess, 'cpuSeconds' | 'residentSize'> {
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
