import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { offeredApis } from '../../../../scripts/conformance/offered-apis.ts'
import { mavenProgram } from '../../../../scripts/conformance/toolchains.ts'
import { startBrokerProcess, type BrokerProcess } from '../../broker-process.ts'
import { parts, releases, type Part, type PartStep } from './parts.ts'

const usage = `usage: tsx test/conformance/clients/java/main.ts RELEASE [PART...]
Takes the Java clients of a release line, of ${releases.map(each => each.clients).join(', ')}, and
what is built on them, through more than the scenario that all clients take; each part against a
broker of its own. Parts: ${parts.map(({ name }) => name).join(' ')}`

const againstKafka = process.env.ODRADEK_TEST_PROCESS === 'kafka'
const [line, ...names] = process.argv.slice(2)
const release = releases.find(({ clients }) => clients.startsWith(line ?? '?'))
const unknown = names.filter(name => !parts.some(part => part.name === name))

if (release === undefined || unknown.length > 0) {
  console.error(usage)
  process.exitCode = 2
} else {
  const chosen = parts.filter(({ name }) => names.length === 0 || names.includes(name))
  for (const part of chosen) {
    const version = part.ecosystem ? release.ecosystem : release.clients
    const steps = await runPart(part, version)
    print(part, version, steps)
    if (!againstKafka) await writeSteps(part, version, steps)
    if (steps.some(({ result }) => result === 'failed')) process.exitCode = 1
  }
}

/** Runs one part of the Java programs against a broker of its own. */
async function runPart(part: Part, version: string): Promise<readonly PartStep[]> {
  const program = await mavenProgram('java', version, part.ecosystem ? ['ecosystem'] : [])
  const scratch = await mkdtemp(path.join(tmpdir(), 'odradek-java-'))
  const broker = await startBrokerProcess(['--config', 'group.initial.rebalance.delay.ms=0'])
  const child = spawn(program.command, [...program.commandArguments, part.name], {
    cwd: scratch,
    env: {
      ...process.env,
      CONFORMANCE_BOOTSTRAP: broker.bootstrapServers,
      CONFORMANCE_OFFERED: (await offeredApis(broker.bootstrapServers)).join(','),
      CONFORMANCE_DATA: againstKafka ? path.join(broker.directory, 'data-1') : broker.directory
    },
    stdio: ['pipe', 'pipe', process.env.CONFORMANCE_TRACE === undefined ? 'ignore' : 'inherit']
  })
  const ended = new Promise<string>(resolve => {
    child.once('close', (code, signal) => resolve(String(signal ?? code)))
  })
  const endChild = (): void => void child.kill('SIGKILL')
  process.once('exit', endChild)
  try {
    const steps: PartStep[] = []
    for await (const text of createInterface({ input: child.stdout })) {
      const step = await obey(text, broker, answer => child.stdin.write(answer))
      if (step !== null) steps.push(step)
    }
    const how = await ended
    if (how === '0') return steps
    return [...steps, { step: 'end', result: 'failed', detail: `the program ended with ${how}` }]
  } finally {
    endChild()
    process.off('exit', endChild)
    await broker.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Reads one line of the program, and does what it asks for. */
async function obey(
  text: string,
  broker: BrokerProcess,
  answer: (text: string) => void
): Promise<PartStep | null> {
  if (!text.startsWith('{')) return null
  const line: PartStep & { readonly ask?: string } = JSON.parse(text)
  if (line.ask === 'kill-restart') {
    await broker.kill()
    await broker.restart()
    answer('restarted\n')
  }
  return line.step === undefined ? null : line
}

function print(part: Part, version: string, steps: readonly PartStep[]): void {
  const count = (result: string): number => steps.filter(step => step.result === result).length
  console.log(
    `${part.name} (${version}): ${count('passed')} passed, ${count('failed')} failed, ` +
      `${count('not-offered')} not offered`
  )
  for (const { step, result, by, detail } of steps) {
    if (result === 'passed') continue
    const word = result === 'failed' ? 'failed' : `not offered by the ${by}`
    console.log(`  ${step.padEnd(40)} ${word}: ${detail}`)
  }
}

/** Keeps the result in the repository; without a date, so that the same run writes the same. */
async function writeSteps(part: Part, version: string, steps: readonly PartStep[]): Promise<void> {
  const folder = fileURLToPath(new URL('results/', import.meta.url))
  const file = path.join(folder, `${part.name}-${version}.json`)
  const options = await resolveConfig(file)
  await mkdir(folder, { recursive: true })
  const text = JSON.stringify({ part: part.name, version, steps })
  await writeFile(file, await format(text, { ...options, filepath: file }))
}
