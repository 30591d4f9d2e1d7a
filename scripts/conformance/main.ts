import { clients, type Client } from './clients.ts'
import { writeResult } from './results.ts'
import { runClient } from './run-client.ts'
import type { ClientResult } from './scenario.ts'
import { ToolchainMissing } from './toolchains.ts'

const usage = `usage: npm run conformance -- all | [--available] CLIENT...
Takes clients through the scenario of test/conformance/clients, each against a broker of its own,
and writes test/conformance/clients/results. A client whose toolchain is missing is not run, which
is a failure unless --available or all was given.
Clients: ${clients.map(({ name }) => name).join(' ')}`

const againstKafka = process.env.ODRADEK_TEST_PROCESS === 'kafka'

const mayBeMissing = process.argv.includes('--available') || process.argv.includes('all')
const names = process.argv.slice(2).filter(name => name !== '--available')
const unknown = names.filter(
  name => name !== 'all' && !clients.some(client => client.name === name)
)
if (names.length === 0 || unknown.length > 0) {
  console.error(usage)
  process.exitCode = 2
} else {
  const all = names.includes('all')
  const chosen = clients.filter(client => all || names.includes(client.name))
  process.exitCode = (await runClients(chosen)) ? 0 : 1
}

/** Runs clients one after the other; true when none failed. */
async function runClients(chosen: readonly Client[]): Promise<boolean> {
  let good = true
  for (const client of chosen) {
    try {
      const startedMs = Date.now()
      const program = await client.prepare()
      const readyMs = Date.now()
      const result = await runClient(client, program)
      print(
        result,
        `${seconds(startedMs, readyMs)} to build, ${seconds(readyMs, Date.now())} to run`
      )
      if (!againstKafka) await writeResult(result)
      good &&= result.steps.every(({ result: how }) => how !== 'failed')
    } catch (error) {
      if (!(error instanceof ToolchainMissing)) throw error
      console.log(`${client.name}: not run, ${error.message}`)
      good &&= mayBeMissing
    }
  }
  return good
}

function seconds(fromMs: number, toMs: number): string {
  return `${((toMs - fromMs) / 1000).toFixed(0)} s`
}

function print({ client, library, version, steps }: ClientResult, times: string): void {
  const count = (result: string): number => steps.filter(step => step.result === result).length
  console.log(
    `${client} (${library} ${version}): ${count('passed')} passed, ${count('failed')} failed, ` +
      `${count('not-offered')} not offered; ${times}`
  )
  for (const step of steps) {
    if (step.result === 'passed') continue
    const word = step.result === 'failed' ? 'failed' : `not offered by the ${step.by}`
    console.log(`  ${step.step.padEnd(20)} ${word}: ${step.detail}`)
  }
}
