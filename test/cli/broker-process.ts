import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** What `npm run build` makes. */
export const cliPath = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The command in a process of its own; it is killed when the test ends, if it still runs. */
export class CommandProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    if (!existsSync(cliPath)) throw new Error('dist/cli.cjs is missing: npm run build')
    this.#child = spawn(process.execPath, [cliPath, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...environment }
    })
    this.#child.stdout!.on('data', text => (this.#stdout += String(text)))
    this.#child.stderr!.on('data', text => (this.#stderr += String(text)))
    this.#exited = once(this.#child, 'close')
    onTestFinished(async () => {
      this.#child.kill('SIGKILL')
      await this.#exited
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async ended(): Promise<Ended> {
    await this.#exited
    return {
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
      stdout: this.#stdout,
      stderr: this.#stderr
    }
  }

  /** The port in the ready line. */
  async ready(): Promise<number> {
    const isReady = (): boolean => this.#stdout.includes('\n')
    while (!isReady() && this.#child.exitCode === null) {
      await Promise.race([once(this.#child.stdout!, 'data'), this.#exited])
    }
    const match = /^odradek ready: 127\.0\.0\.1:(\d+) {2}/.exec(this.#stdout)
    if (match === null) throw new Error(`no ready line: ${this.#stdout}${this.#stderr}`)
    return Number(match[1])
  }
}

/** Starts a broker on a free port. */
export function startCommand(...args: readonly string[]): CommandProcess {
  return new CommandProcess(['start', '--listen', '127.0.0.1:0', ...args])
}
