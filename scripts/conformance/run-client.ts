import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { startBrokerProcess, type BrokerProcess } from '../../test/conformance/broker-process.ts'
import type { Client } from './clients.ts'
import { offeredApis } from './offered-apis.ts'
import { completed, parseLine, type ClientResult, type Step, type StepOutcome } from './scenario.ts'
import type { Program } from './toolchains.ts'

/** What a program needs to know and do of the broker that it talks to. */
export type BrokerToKill = Pick<BrokerProcess, 'bootstrapServers' | 'kill' | 'restart'>

/** Longest time for one client's whole scenario, ms; its steps have shorter ones of their own. */
const programTimeoutMs = 8 * 60_000

/** Runs one client's program through the scenario against a broker of its own. */
export async function runClient(client: Client, program: Program): Promise<ClientResult> {
  const broker = await startBrokerProcess(['--config', 'group.initial.rebalance.delay.ms=0'])
  try {
    return await runProgram(client, program, broker)
  } finally {
    await broker.close()
  }
}

/** Runs a program against a broker, which is killed and started again when the program asks. */
export async function runProgram(
  client: Pick<Client, 'name' | 'variant'>,
  program: Program,
  broker: BrokerToKill
): Promise<ClientResult> {
  const child = spawn(program.command, program.commandArguments, {
    cwd: program.directory,
    env: {
      ...process.env,
      ...program.environment,
      CONFORMANCE_BOOTSTRAP: broker.bootstrapServers,
      CONFORMANCE_OFFERED: (await offeredApis(broker.bootstrapServers)).join(','),
      CONFORMANCE_VARIANT: client.variant ?? ''
    },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  const ended = new Promise<string>(resolve => {
    child.once('close', (code, signal) => resolve(signal ?? String(code)))
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), programTimeoutMs)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2_000)
  })
  child.stdin.on('error', () => {})
  const { outcomes, library, version } = await follow(child, broker)
  const reason = `the program ended with ${await ended} ${errors}`.trim()
  clearTimeout(timer)
  const { name, variant } = client
  const its = { client: name, library, version, ...(variant === undefined ? {} : { variant }) }
  return { ...its, date: today(), steps: completed(outcomes, reason) }
}

/** The day, in UTC, as results name it. */
export function today(): string {
  return new Date().toISOString().slice(0, 10)
}

/** Reads what a program prints until its output ends, and does what it asks for. */
async function follow(
  child: ChildProcess,
  broker: BrokerToKill
): Promise<{ outcomes: Map<Step, StepOutcome>; library: string; version: string }> {
  const outcomes = new Map<Step, StepOutcome>()
  let [library, version] = ['', '']
  try {
    for await (const text of createInterface({ input: child.stdout! })) {
      const line = parseLine(text)
      if (line?.kind === 'introduction') {
        library = line.client
        version = line.version
      } else if (line?.kind === 'outcome') {
        outcomes.set(line.outcome.step, line.outcome)
      } else if (line?.kind === 'ask') {
        await broker.kill()
        await broker.restart()
        child.stdin!.write('restarted\n')
      }
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { outcomes, library, version }
}
