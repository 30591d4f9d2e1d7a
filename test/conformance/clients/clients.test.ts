import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { clients } from '../../../scripts/conformance/clients.ts'
import { areas, readResults } from '../../../scripts/conformance/results.ts'
import { runProgram } from '../../../scripts/conformance/run-client.ts'
import { parseLine, steps, type ClientResult } from '../../../scripts/conformance/scenario.ts'
import { renewedClientsReadme } from '../../../scripts/docs.ts'
import { startBroker } from '../../../src/index.ts'

// The clients themselves run behind `npm run conformance`; here is what must hold of their results
// and of the runner.

const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

describe('the results of the clients', () => {
  test('there are some of every client, with every step in order', () => {
    const results = readResults()
    expect(results.map(({ client }) => client)).toEqual(clients.map(({ name }) => name))
    for (const result of results) {
      expect(result.steps.map(({ step }) => step)).toEqual(steps)
      expect(`${result.library} ${result.version}`).toMatch(/^[a-z][a-z-]+ \d+\.\d+/)
    }
  })

  test('every step is in one column of the short table', () => {
    expect(areas.flatMap(([, its]) => its).sort()).toEqual([...steps].sort())
  })

  test('the table of steps is what the results say (npm run docs renews it)', async () => {
    const text = textOf('README.md')
    expect(await renewedClientsReadme(text)).toBe(text)
  })

  test('FINDINGS.md has the cause of every failed step', () => {
    const findings = textOf('FINDINGS.md').split('\n## ')
    const failed = readResults().flatMap(({ client, steps: outcomes }) =>
      outcomes.filter(({ result }) => result === 'failed').map(({ step }) => ({ client, step }))
    )
    const named = ({ client, step }: { client: string; step: string }): boolean =>
      findings.some(finding => finding.includes(`\`${client}\``) && finding.includes(`\`${step}\``))
    expect(failed.filter(cell => !named(cell))).toEqual([])
  })
})

describe('a line of a program', () => {
  test('that is no JSON object is what the client itself prints', () => {
    expect(parseLine('%4|1700000000|FAIL|rdkafka')).toBeNull()
  })

  test('about a step that is not in the scenario is an error', () => {
    expect(() => parseLine('{"step":"produce-gizp","result":"passed"}')).toThrow('produce-gizp')
  })

  test('about something not offered must say whose lack it is', () => {
    expect(() => parseLine('{"step":"acks","result":"not-offered"}')).toThrow('whose')
  })

  test('about a step with an unknown result is an error', () => {
    expect(() => parseLine('{"step":"acks","result":"skipped"}')).toThrow('skipped')
  })
})

describe('the runner', () => {
  test('kills and restarts the broker when it is asked, and answers when it is ready', async () => {
    const { result, calls } = await run(`
      print({ client: 'fake', version: '1.2' })
      print({ step: 'acks', result: 'passed' })
      print({ ask: 'kill-restart' })
      process.stdin.once('data', answer => {
        const result = String(answer) === 'restarted\\n' ? 'passed' : 'failed'
        print({ step: 'kill-restart', result })
        process.exit(0)
      })`)
    expect(calls).toEqual(['kill', 'restart'])
    expect(result).toMatchObject({ client: 'fake-client', library: 'fake', version: '1.2' })
    expect(result.steps).toContainEqual({ step: 'kill-restart', result: 'passed' })
    expect(result.steps).toContainEqual({ step: 'acks', result: 'passed' })
  })

  test('takes the steps that a crashed program never came to for failed', async () => {
    const { result } = await run(`
      print({ step: 'describe-cluster', result: 'passed' })
      console.error('out of luck')
      process.exit(3)`)
    const [first, ...others] = result.steps
    expect(first).toEqual({ step: 'describe-cluster', result: 'passed' })
    expect(others).toHaveLength(steps.length - 1)
    for (const other of others) {
      expect(other).toMatchObject({ result: 'failed' })
      expect(JSON.stringify(other)).toContain('ended with 3 out of luck')
    }
  })

  test('tells a program which APIs the broker offers', async () => {
    const { result } = await run(`
      const offered = process.env.CONFORMANCE_OFFERED.split(',')
      const isWhole = offered.includes('Produce') && offered.length > 20
      print({ client: 'fake', version: isWhole ? '1' : '0' })`)
    expect(result.version).toBe('1')
  })
})

/** Runs a program of one script against an embedded broker that is only said to be killed. */
async function run(script: string): Promise<{ result: ClientResult; calls: readonly string[] }> {
  const calls: string[] = []
  await using embedded = await startBroker()
  const broker = {
    bootstrapServers: embedded.bootstrapServers,
    kill: async () => void calls.push('kill'),
    restart: async () => void calls.push('restart')
  }
  const print = 'const print = line => console.log(JSON.stringify(line));'
  const program = {
    command: process.execPath,
    commandArguments: ['-e', print + script],
    directory: '.',
    environment: {}
  }
  return { result: await runProgram({ name: 'fake-client' }, program, broker), calls }
}
