import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, startKafka } from '../../scripts/oracle/kafka.ts'

/** A broker in a process of its own, that can be killed and started again on the same data. */
export interface BrokerProcess {
  readonly bootstrapServers: string
  /** Where it keeps its data; Apache Kafka keeps its configuration there as well. */
  readonly directory: string
  /** Ends the process by SIGKILL: it has no chance to write or sync anything. */
  kill(): Promise<void>
  /** Starts the broker again after `kill`, on the same port and data directory. */
  restart(): Promise<void>
  /** Ends the broker and removes its data. */
  close(): Promise<void>
}

const readyTimeoutMs = 120_000
const command = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url))

/**
 * Starts the built broker (dist/cli.cjs) on a free port with a new data directory, or Apache Kafka
 * when ODRADEK_TEST_PROCESS=kafka: tests that pull the plug are held to what Kafka survives, too.
 */
export async function startBrokerProcess(
  commandArguments: readonly string[] = []
): Promise<BrokerProcess> {
  if (process.env.ODRADEK_TEST_PROCESS === 'kafka') {
    const kafka = await startKafka()
    return {
      bootstrapServers: kafka.bootstrapServers,
      directory: kafka.directory,
      kill: () => kafka.kill(),
      restart: () => kafka.restart(),
      close: () => kafka.stop()
    }
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'odradek-broker-'))
  const [port] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const killAtExit = (): void => void child?.kill('SIGKILL')
  process.once('exit', killAtExit)
  const start = async (): Promise<void> => {
    const options = ['--data-dir', directory, '--listen', address, ...commandArguments]
    child = spawn(process.execPath, [command, 'start', ...options], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    await readyLine(child)
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child?.once('exit', resolve))
    child.kill(signal)
    await ended
  }
  await start()
  return {
    bootstrapServers: address,
    directory,
    kill: () => end('SIGKILL'),
    restart: start,
    async close() {
      await end('SIGTERM')
      process.off('exit', killAtExit)
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** Resolves when the broker has printed the one line that says it is ready. */
function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    let errors = ''
    const timer = setTimeout(() => {
      reject(new Error(`the broker was not ready within ${readyTimeoutMs} ms:\n${errors}`))
    }, readyTimeoutMs)
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4_000)
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (!output.includes('\n')) return
      clearTimeout(timer)
      resolve(output)
    })
    child.once('exit', code => {
      clearTimeout(timer)
      reject(new Error(`the broker ended with ${code} before it was ready:\n${errors}`))
    })
  })
}
