import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url))
const readyTimeoutMs = 120_000
const logSizeMax = 256 * 1024

export interface BrokerSetup {
  readonly directory: string
  readonly port: number
  readonly durability: 'os' | 'fsync'
  /** Broker configs under Kafka's names. */
  readonly configs?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  /** A command that runs the broker instead of node itself: `strace …`, `sh -c …`. */
  readonly runner?: readonly string[]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Those that may still run when this process ends. */
const everyBroker = new Set<BrokerUnderTest>()
process.once('exit', () => {
  for (const broker of everyBroker) broker.signal('SIGKILL')
})

/** The built command on one port and data directory, to be ended in every way and started again. */
export class BrokerUnderTest {
  readonly setup: BrokerSetup
  readonly address: string
  #child: ChildProcess | null = null
  #ended: Promise<Ended> = Promise.resolve({ code: 0, signal: null })
  #output = ''
  #log = ''

  constructor(setup: BrokerSetup) {
    if (!existsSync(command)) throw new Error('dist/cli.cjs is missing: npm run build')
    this.setup = setup
    this.address = `127.0.0.1:${setup.port}`
    everyBroker.add(this)
  }

  /** What the broker has logged since it was made, the last 256 KiB of it. */
  get log(): string {
    return this.#log
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('the broker was not started')
    return pid
  }

  /** Begins a start and does not wait until clients can connect. */
  spawn(): void {
    const { directory, durability, configs = {}, environment = {}, runner = [] } = this.setup
    const flags = ['--data-dir', directory, '--listen', this.address, '--durability', durability]
    const settings = Object.entries(configs).flatMap(([key, value]) => [
      '--config',
      `${key}=${value}`
    ])
    const words = [...runner, process.execPath, command, 'start', ...flags, ...settings]
    const child = spawn(words[0]!, words.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...environment }
    })
    this.#child = child
    this.#output = ''
    child.stdout.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-logSizeMax)
    })
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
  }

  /**
   * Resolves when clients can connect.
   *
   * @throws when the broker ends before, or takes longer than two minutes
   */
  async ready(): Promise<void> {
    const child = this.#child
    const deadlineMs = Date.now() + readyTimeoutMs
    while (!this.#output.includes('\n')) {
      if (child === null || child.exitCode !== null || child.signalCode !== null) {
        const { code, signal } = await this.#ended
        throw new Error(`the broker ended (${code ?? signal}) before it was ready:\n${this.#log}`)
      }
      if (Date.now() > deadlineMs) throw new Error(`the broker was not ready:\n${this.#log}`)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  async start(): Promise<void> {
    this.spawn()
    await this.ready()
  }

  /** Sends a signal and goes on. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** SIGKILL: the process has no chance to write or sync anything. */
  kill(): Promise<Ended> {
    this.signal('SIGKILL')
    return this.#ended
  }

  /** SIGTERM: an orderly end. */
  stop(): Promise<Ended> {
    this.signal('SIGTERM')
    return this.#ended
  }

  /** Resolves when the process has ended, however that came. */
  ended(): Promise<Ended> {
    return this.#ended
  }
}
