import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { offeredApis } from '../../../../scripts/conformance/offered-apis.ts'
import { today } from '../../../../scripts/conformance/run-client.ts'
import {
  mavenProgram,
  ToolchainMissing,
  type Program
} from '../../../../scripts/conformance/toolchains.ts'
import { startBrokerProcess, type BrokerProcess } from '../../broker-process.ts'
import { parts, releases, resultFile, type Part, type PartResult, type PartStep } from './parts.ts'

const usage = `usage: npm run conformance:java -- [--available] RELEASE [PART...]
Takes the Java clients of a release line, of ${releases.map(each => each.clients).join(', ')}, and
what is built on them, through more than the scenario that all clients take; each part against a
broker of its own. With --available a missing toolchain is no failure.
Parts: ${parts.map(({ name }) => name).join(' ')}`

const againstKafka = process.env.ODRADEK_TEST_PROCESS === 'kafka'
const mayBeMissing = process.argv.includes('--available')
const [line, ...names] = process.argv.slice(2).filter(name => name !== '--available')
const release = releases.find(({ clients }) => clients.startsWith(line ?? '?'))
const programs = new Map<string, Promise<Program>>()
const unknown = names.filter(name => !parts.some(part => part.name === name))

if (release === undefined || unknown.length > 0) {
  console.error(usage)
  process.exitCode = 2
} else {
  const chosen = parts.filter(({ name }) => names.length === 0 || names.includes(name))
  for (const part of chosen) {
    const version = part.ecosystem ? release.ecosystem : release.clients
    if (!(await tryPart(part, version))) process.exitCode = 1
  }
}

/** Runs a part and keeps its result; false when a step failed. */
async function tryPart(part: Part, version: string): Promise<boolean> {
  try {
    const startedMs = Date.now()
    const program = await built(version, part.ecosystem ? ['ecosystem'] : [])
    const readyMs = Date.now()
    const steps = await runPart(part, program)
    print(part, version, steps)
    console.log(`  ${seconds(startedMs, readyMs)} to build, ${seconds(readyMs, Date.now())} to run`)
    if (!againstKafka) await writeSteps(part, version, steps)
    return steps.every(({ result }) => result !== 'failed')
  } catch (error) {
    if (!(error instanceof ToolchainMissing)) throw error
    console.log(`${part.name} (${version}): not run, ${error.message}`)
    return mayBeMissing
  }
}

/** Builds the programs once for each release and profile. */
function built(version: string, profiles: readonly string[]): Promise<Program> {
  const key = [version, ...profiles].join(' ')
  const program = programs.get(key) ?? mavenProgram('java', version, profiles)
  programs.set(key, program)
  return program
}

function seconds(fromMs: number, toMs: number): string {
  return `${((toMs - fromMs) / 1000).toFixed(0)} s`
}

/** Runs one part of the Java programs against a broker of its own. */
async function runPart(part: Part, program: Program): Promise<readonly PartStep[]> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'odradek-java-'))
  // Compaction looks often, so that it is at work while the programs are.
  const configs = ['group.initial.rebalance.delay.ms=0', 'log.cleaner.backoff.ms=200']
  const broker = await startBrokerProcess(configs.flatMap(config => ['--config', config]))
  const child = spawn(program.command, [...program.commandArguments, part.name], {
    cwd: scratch,
    env: {
      ...process.env,
      // Tools leave temporary files behind, and so do libraries of a program that is killed.
      JAVA_TOOL_OPTIONS: `-Djava.io.tmpdir=${scratch}`,
      CONFORMANCE_BOOTSTRAP: broker.bootstrapServers,
      CONFORMANCE_OFFERED: (await offeredApis(broker.bootstrapServers)).join(',')
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

/** Keeps the result in the repository. */
async function writeSteps(part: Part, version: string, steps: readonly PartStep[]): Promise<void> {
  const folder = fileURLToPath(new URL('results/', import.meta.url))
  const file = path.join(folder, resultFile(part.name, version))
  const options = await resolveConfig(file)
  await mkdir(folder, { recursive: true })
  const result: PartResult = { part: part.name, version, date: today(), steps }
  await writeFile(file, await format(JSON.stringify(result), { ...options, filepath: file }))
}
