import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { clients } from '../../../scripts/conformance/clients.ts'
import { areas, readResults } from '../../../scripts/conformance/results.ts'
import { runProgram } from '../../../scripts/conformance/run-client.ts'
import { parseLine, steps, type ClientResult } from '../../../scripts/conformance/scenario.ts'
import { readPartResults } from '../../../scripts/conformance/java-results.ts'
import { renewedClientsReadme, renewedJavaReadme } from '../../../scripts/docs.ts'
import { startBroker } from '../../../src/index.ts'
import { parts, resultFile, type PartStep } from './java/parts.ts'

// The clients themselves run behind `npm run conformance`; here is what must hold of their results
// and of the runner.

const partResults = parts.flatMap(readPartResults)

/** Every step of every client and of the Java parts; a part goes by its name and release. */
const outcomes = [
  ...readResults().map(({ client, steps: its }) => ({ client, its })),
  ...partResults.map(({ part, version, steps: its }) => ({ client: `${part} ${version}`, its }))
].flatMap(({ client, its }): readonly (PartStep & { readonly client: string })[] =>
  its.map(outcome => ({ client, ...outcome }))
)

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

  test('each says its day', () => {
    for (const { date } of [...readResults(), ...partResults]) {
      expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    }
  })

  test('the tables of the Java parts are what their results say', async () => {
    const text = textOf('java/README.md')
    expect(await renewedJavaReadme(text)).toBe(text)
  })

  test('of the Java parts are of the releases that are named, and of no others', () => {
    const wanted = partResults.map(({ part, version }) => resultFile(part, version))
    expect(readdirSync(new URL('java/results', import.meta.url)).sort()).toEqual(wanted.sort())
  })

  test('FINDINGS.md has the cause of every failed step', () => {
    const findings = textOf('FINDINGS.md').split(/\n##+ /)
    const failed = outcomes.filter(({ result }) => result === 'failed')
    const named = ({ client, step }: { client: string; step: string }): boolean =>
      findings.some(finding => finding.includes(`\`${client}\``) && finding.includes(`\`${step}\``))
    expect(failed.filter(cell => !named(cell))).toEqual([])
  })

  test('FINDINGS.md says of everything that the broker does not offer what that means', () => {
    const findings = textOf('FINDINGS.md').replaceAll(/\s+/g, ' ')
    const wants = outcomes.filter(({ by }) => by === 'broker').map(({ detail = '' }) => detail)
    const named = (want: string): boolean => {
      const api = / does not offer (\w+)$/.exec(want)?.[1]
      const message = /^(\w+ \d+)/.exec(want)?.[1]
      return findings.includes(api === undefined ? (message ?? want) : `\`${api}\``)
    }
    expect([...new Set(wants)].filter(want => !named(want))).toEqual([])
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
