import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

/**
 * A broker in a process of its own, so that load generator and broker never share an event loop.
 */
export interface BrokerProcess {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** Milliseconds from spawn to the ready line. */
  readonly readyMs: number
  /** CPU seconds used so far, user and system, all threads (Linux; null elsewhere). */
  cpuSeconds(): number | null
  /** Resident memory, bytes (Linux; null elsewhere). */
  residentSize(): number | null
  stop(): Promise<void>
}

export type Durability = 'memory' | 'os' | 'fsync'

/**
 * Starts `dist/cli.cjs` on a free port of loopback, with a fresh data directory that `stop`
 * removes.
 */
export async function startBrokerProcess(durability: Durability): Promise<BrokerProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
  const storage = durability === 'memory' ? [] : ['--data-dir', join(dataDir, 'data')]
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [
      resolve('dist/cli.cjs'),
      'start',
      '--listen',
      '127.0.0.1:0',
      '--durability',
      durability,
      '--log-level',
      'warn',
      ...storage
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_EXTRA_CA_CERTS: '' } }
  )
  const address = await readyAddress(child)
  const readyMs = performance.now() - startedAt
  const pid = child.pid!
  return {
    ...address,
    pid,
    readyMs,
    cpuSeconds: () => linuxCpuSeconds(pid),
    residentSize: () => linuxResidentSize(pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(dataDir, { recursive: true, force: true })
    }
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
