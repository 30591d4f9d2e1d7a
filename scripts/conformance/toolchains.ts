import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** A command that runs a client's program, once everything it needs is there. */
export interface Program {
  readonly command: string
  readonly commandArguments: readonly string[]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
}

/** What a client needs is not on this machine: it cannot be run here, which is no failure. */
export class ToolchainMissing extends Error {}

const sources = fileURLToPath(new URL('../../test/conformance/clients/', import.meta.url))
/** Headers that librdkafka is built with where Node's native modules build it. */
const nativeHeaders = ['openssl/ssl.h', 'sasl/sasl.h', 'zstd.h', 'lz4.h', 'zlib.h', 'curl/curl.h']

const cache = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'),
  'odradek-conformance'
)

/** Builds the Go module of a folder; Go's own caches make it quick the second time. */
export async function goProgram(folder: string): Promise<Program> {
  await demand('go', ['version'])
  const directory = path.join(sources, folder)
  const command = path.join(cache, folder, 'program')
  await run('go', ['build', '-mod=readonly', '-o', command, '.'], directory)
  return { command, commandArguments: [], directory, environment: {} }
}

/**
 * Makes a virtual environment with the folder's requirements.txt, which names every package.
 *
 * @param versions the Python releases that the client runs with, best first; none: any
 */
export async function pythonProgram(
  folder: string,
  versions: readonly string[] = []
): Promise<Program> {
  const python = await findPython(versions)
  const directory = path.join(sources, folder)
  const requirements = path.join(directory, 'requirements.txt')
  const environment = path.join(cache, `${folder}-${await digest([requirements], python)}`)
  await once(environment, async () => {
    await run(python, ['-m', 'venv', environment], directory)
    const pip = path.join(environment, 'bin', 'pip')
    await run(pip, ['install', '--quiet', '--no-deps', '--requirement', requirements], directory)
  })
  return {
    command: path.join(environment, 'bin', 'python'),
    commandArguments: ['-u', 'main.py'],
    directory,
    environment: {
      PYTHONPATH: path.join(sources, 'python-scenario'),
      PYTHONDONTWRITEBYTECODE: '1'
    }
  }
}

async function findPython(versions: readonly string[]): Promise<string> {
  const wanted = `Python ${versions.length === 0 ? '3' : versions.join(', ')}`
  for (const command of ['python3', ...versions.map(version => `python${version}`)]) {
    const said = await output(command, ['--version']).catch(() => '')
    const release = /^Python (\d+\.\d+)\./.exec(said)?.[1]
    if (release === undefined) continue
    if (versions.length === 0 || versions.includes(release)) return command
  }
  throw new ToolchainMissing(`${wanted} is not installed`)
}

/** Builds the crate of a folder with what its Cargo.lock names; the first time takes minutes. */
export async function cargoProgram(folder: string): Promise<Program> {
  await demand('cargo', ['--version'])
  const directory = path.join(sources, folder)
  const target = path.join(cache, folder)
  await run('cargo', ['build', '--quiet', '--locked', '--target-dir', target], directory)
  const command = path.join(target, 'debug', 'conformance')
  return { command, commandArguments: [], directory, environment: {} }
}

/** The release of Java that the programs are written for, and that Kafka 4 needs. */
const javaRelease = 17

async function demandJava(): Promise<void> {
  const said = await output('javac', ['-version']).catch(() => '')
  const release = /^javac (\d+)/m.exec(said)?.[1]
  if (Number(release ?? 0) >= javaRelease) return
  throw new ToolchainMissing(`a JDK of Java ${javaRelease} is not installed`)
}

/**
 * Compiles the Maven project of a folder against one release of Apache Kafka, whose libraries Maven
 * copies beside the classes.
 *
 * @param kafkaVersion the release of the client libraries, say 4.4.0
 * @param profiles the Maven profiles with which the project has more dependencies and programs
 */
export async function mavenProgram(
  folder: string,
  kafkaVersion: string,
  profiles: readonly string[] = []
): Promise<Program> {
  await demandJava()
  await demand('mvn', ['--version'])
  const directory = path.join(sources, folder)
  const target = path.join(cache, [folder, kafkaVersion, ...profiles].join('-'))
  await run(
    'mvn',
    [
      '--batch-mode',
      '--quiet',
      'compile',
      ...profiles.map(profile => `--activate-profiles=${profile}`),
      `-Dkafka.version=${kafkaVersion}`,
      `-Dkafka.line=${kafkaVersion.split('.')[0]}`,
      `-Dtarget=${target}`
    ],
    directory
  )
  const classpath = [path.join(target, 'classes'), path.join(target, 'libraries', '*')]
  return {
    command: 'java',
    commandArguments: ['-Xmx256m', '-cp', classpath.join(path.delimiter), 'conformance.Main'],
    directory,
    environment: {}
  }
}

/**
 * The same as npmProgram for a module that npm compiles with librdkafka's sources, for minutes the
 * first time.
 *
 * @param environment variables that the installation needs
 */
export async function nativeNpmProgram(
  folder: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<Program> {
  for (const tool of ['g++', 'make', 'python3']) await demand(tool, ['--version'])
  const includes = nativeHeaders.flatMap(header => ['-include', header])
  const check = ['-fsyntax-only', ...includes, '-x', 'c++', '/dev/null']
  await output('g++', check).catch(() => {
    throw new ToolchainMissing(`not all of ${nativeHeaders.join(', ')} are installed`)
  })
  return npmProgram(folder, environment)
}

/**
 * Installs the folder's package-lock.json in the cache and copies the program beside it.
 *
 * @param environment variables that the installation needs
 */
export async function npmProgram(
  folder: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<Program> {
  const source = path.join(sources, folder)
  const files = ['package.json', 'package-lock.json'].map(name => path.join(source, name))
  const directory = path.join(cache, `${folder}-${await digest(files, process.version)}`)
  await once(directory, async () => {
    await mkdir(directory, { recursive: true })
    for (const file of files) await cp(file, path.join(directory, path.basename(file)))
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], directory, environment)
  })
  await cp(source, directory, { recursive: true })
  await cp(path.join(sources, 'node-scenario'), directory, { recursive: true })
  return { command: process.execPath, commandArguments: ['main.mjs'], directory, environment: {} }
}

/** Fills a folder of the cache once; a half-filled one of an interrupted run is made anew. */
async function once(directory: string, fill: () => Promise<void>): Promise<void> {
  const mark = path.join(directory, '.complete')
  if (await stat(mark).catch(() => null)) return
  await rm(directory, { recursive: true, force: true })
  await fill()
  await writeFile(mark, '')
}

async function digest(files: readonly string[], tool: string): Promise<string> {
  const hash = createHash('sha256').update(tool)
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 12)
}

async function demand(command: string, commandArguments: readonly string[]): Promise<void> {
  await output(command, commandArguments).catch(() => {
    throw new ToolchainMissing(`${command} is not installed`)
  })
}

async function run(
  command: string,
  commandArguments: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<void> {
  await output(command, commandArguments, directory, environment)
}

/** Runs a command to its end and resolves with what it printed. */
function output(
  command: string,
  commandArguments: readonly string[],
  directory = process.cwd(),
  environment: Readonly<Record<string, string>> = {}
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArguments, {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) return resolve(said)
      const call = [command, ...commandArguments].join(' ')
      reject(new Error(`${call} ended with ${code}:\n${said.slice(-4_000)}`))
    })
  })
}
