import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, openSync, closeSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'

/** The version of Apache Kafka that is started when none is named. */
export const defaultKafkaVersion = '4.4.0'

const startTimeoutMs = 60_000
const stopTimeoutMs = 20_000

export interface KafkaOptions {
  /** A release of Apache Kafka that Maven can resolve; brokers of 4.x need Java 17. */
  readonly version?: string
  /** How many brokers; the first is the controller too. */
  readonly nodes?: number
  /** Broker properties, laid over the ones chosen here. */
  readonly properties?: Readonly<Record<string, string>>
  /** The port clients are told to connect to, when something stands between them and Kafka. */
  readonly advertisedPort?: number
  /** Levels of features by name, other than the newest that this release has. */
  readonly features?: Readonly<Record<string, number>>
  /** Options of the Java virtual machine; by default those of Kafka's own start script. */
  readonly javaOptions?: readonly string[]
  /** Called when the brokers' processes were spawned, and before anything of them is known. */
  readonly onSpawned?: (bootstrapServers: string) => void
  /** A second listener of every broker, SECURED, whose clients must authenticate by SASL. */
  readonly secured?: boolean
  /** Ends the start early; what had been started is then ended, and the start rejects. */
  readonly signal?: AbortSignal
}

export interface RunningKafka {
  readonly version: string
  /** `host:port` of every broker, joined by commas. */
  readonly bootstrapServers: string
  /** Ports of the brokers 1, 2 and so on. */
  readonly ports: readonly number[]
  /** Ports of their second listeners; none unless they were asked for. */
  readonly securedPorts: readonly number[]
  /** Where the brokers keep their data and logs; removed by `stop`. */
  readonly directory: string
  /** The operating system's numbers of the brokers' processes, as they are now. */
  pids(): readonly number[]
  /** Ends every broker as a power switch would, by SIGKILL. */
  kill(): Promise<void>
  /** Starts the brokers again after `kill`, on the same ports and data. */
  restart(): Promise<void>
  /** Ends one broker in order, so that others lead its partitions. The first is the controller. */
  stopNode(nodeId: number): Promise<void>
  /** Starts one broker again after `stopNode`, and resolves when all are in the metadata. */
  startNode(nodeId: number): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts Apache Kafka (KRaft, loopback only, free ports, data in a new temporary directory) and
 * resolves when every broker is in its own metadata.
 *
 * @throws when Maven cannot resolve the version or a broker ends before it is ready
 */
export async function startKafka(options: KafkaOptions = {}): Promise<RunningKafka> {
  const version = options.version ?? process.env.ODRADEK_ORACLE_VERSION ?? defaultKafkaVersion
  const nodes = options.nodes ?? 1
  const classpath = path.join(await resolveKafka(version), '*')
  const directory = await mkdtemp(path.join(tmpdir(), 'odradek-oracle-'))
  const [controllerPort, ...free] = await freePorts(
    options.secured === true ? 2 * nodes + 1 : nodes + 1
  )
  const ports = free.slice(0, nodes)
  const securedPorts = free.slice(nodes)
  const bootstrapServers = ports.map(port => `127.0.0.1:${port}`)
  const javaOptions = options.javaOptions ?? ['-Xmx1G', '-Xms1G', '-XX:+UseG1GC', '-server']
  let processes: ChildProcess[] = []
  const killAll = (): void => processes.forEach(child => child.kill('SIGKILL'))
  process.once('exit', killAll)

  const start = (nodeId: number): ChildProcess =>
    startBroker(directory, nodeId, [...javaOptions, '-cp', classpath])
  const reachable = options.advertisedPort === undefined
  const ready = (): Promise<void> =>
    waitUntilReady({ directory, processes, bootstrapServers, reachable, signal: options.signal })
  const startAll = async (): Promise<void> => {
    processes = ports.map((_, index) => start(index + 1))
    options.onSpawned?.(bootstrapServers.join(','))
    await ready()
    if (reachable) await warmCoordinators(bootstrapServers, options.signal)
  }
  const kill = async (): Promise<void> => {
    await Promise.all(processes.map(child => endProcess(child, 'SIGKILL')))
  }
  const stop = async (): Promise<void> => {
    // Without its controller a broker waits in vain to be let go, so that one is the last.
    const [controller, ...others] = processes
    await Promise.all(others.map(child => endProcess(child, 'SIGTERM')))
    if (controller !== undefined) await endProcess(controller, 'SIGTERM')
    process.off('exit', killAll)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await formatStorage(
      directory,
      classpath,
      { controllerPort: controllerPort!, ports, securedPorts },
      options
    )
    await startAll()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    version,
    bootstrapServers: bootstrapServers.join(','),
    ports,
    securedPorts,
    directory,
    pids: () => processes.map(child => child.pid!),
    kill,
    restart: startAll,
    stopNode: nodeId => endProcess(processes[nodeId - 1]!, 'SIGTERM'),
    startNode: async nodeId => {
      processes[nodeId - 1] = start(nodeId)
      await ready()
    },
    stop
  }
}

interface Ports {
  readonly controllerPort: number
  readonly ports: readonly number[]
  readonly securedPorts: readonly number[]
}

/** Writes the properties of every node and formats its data directory, as KRaft asks for. */
async function formatStorage(
  directory: string,
  classpath: string,
  ports: Ports,
  options: KafkaOptions
): Promise<void> {
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  for (const index of ports.ports.keys()) {
    const properties = nodeProperties(directory, index + 1, ports, options)
    const lines = Object.entries({ ...properties, ...options.properties })
    const file = propertiesFile(directory, index + 1)
    await writeFile(file, lines.map(([name, value]) => `${name}=${value}\n`).join(''))
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]
    const features = Object.entries(options.features ?? {}).flatMap(([name, level]) => [
      '--feature',
      `${name}=${level}`
    ])
    await run('java', ['-cp', classpath, ...format, ...features])
  }
}

/** Class path directory of one Kafka version, filled by Maven the first time it is asked for. */
export async function resolveKafka(version: string): Promise<string> {
  const cache = path.join(
    process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'),
    'odradek-oracle'
  )
  const libraries = path.join(cache, version)
  if (existsSync(libraries)) return libraries
  await mkdir(cache, { recursive: true })
  const unfinished = await mkdtemp(path.join(cache, `.${version}-`))
  const pom = fileURLToPath(new URL('pom.xml', import.meta.url))
  try {
    await run('mvn', [
      '--batch-mode',
      '--quiet',
      `--file=${pom}`,
      'dependency:copy-dependencies',
      `-Dkafka.version=${version}`,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${unfinished}`
    ])
    await rename(unfinished, libraries)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw error
  }
  return libraries
}

function nodeProperties(
  directory: string,
  nodeId: number,
  { controllerPort, ports, securedPorts }: Ports,
  options: KafkaOptions
): Record<string, string> {
  const port = ports[nodeId - 1]!
  const securedPort = securedPorts[nodeId - 1]
  const isController = nodeId === 1
  const secured = securedPort === undefined ? [] : [`SECURED://127.0.0.1:${securedPort}`]
  const advertised = [`PLAINTEXT://127.0.0.1:${options.advertisedPort ?? port}`, ...secured]
  const controller = isController ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : []
  return {
    'node.id': String(nodeId),
    'process.roles': isController ? 'broker,controller' : 'broker',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,SECURED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: [`PLAINTEXT://127.0.0.1:${port}`, ...secured, ...controller].join(','),
    'advertised.listeners': advertised.join(','),
    'log.dirs': path.join(directory, `data-${nodeId}`),
    'auto.create.topics.enable': 'true',
    'group.initial.rebalance.delay.ms': '0',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1'
  }
}

function startBroker(
  directory: string,
  nodeId: number,
  javaArguments: readonly string[]
): ChildProcess {
  const log = openSync(logFile(directory, nodeId), 'a')
  const child = spawn(
    'java',
    [...javaArguments, 'kafka.Kafka', propertiesFile(directory, nodeId)],
    {
      cwd: directory,
      stdio: ['ignore', log, log]
    }
  )
  closeSync(log)
  return child
}

interface Starting {
  readonly directory: string
  readonly processes: readonly ChildProcess[]
  readonly bootstrapServers: readonly string[]
  readonly reachable: boolean
  readonly signal: AbortSignal | undefined
}

async function waitUntilReady(starting: Starting): Promise<void> {
  const { directory, processes, bootstrapServers, reachable, signal } = starting
  const deadlineMs = Date.now() + startTimeoutMs
  for (;;) {
    signal?.throwIfAborted()
    processes.forEach((child, index) => {
      if (child.exitCode === null && child.signalCode === null) return
      const log = readFileSync(logFile(directory, index + 1), 'utf8')
      throw new Error(`Kafka node ${index + 1} ended with ${child.exitCode}:\n${log.slice(-4000)}`)
    })
    if ((await brokersSeenFrom(bootstrapServers, reachable)) === processes.length) break
    if (Date.now() > deadlineMs) throw new Error(`Kafka was not ready within ${startTimeoutMs} ms`)
    await delay(200)
  }
}

/**
 * Asks for groups until every partition of __consumer_offsets has a coordinator: Kafka makes the
 * topic when it is first needed and refuses with NOT_COORDINATOR while it loads.
 */
async function warmCoordinators(
  bootstrapServers: readonly string[],
  signal: AbortSignal | undefined
): Promise<void> {
  const client = new kafkajs.Kafka({
    brokers: [...bootstrapServers],
    logLevel: kafkajs.logLevel.NOTHING
  })
  const admin = client.admin()
  await admin.connect()
  const deadlineMs = Date.now() + startTimeoutMs
  try {
    // Enough names that their hashes meet all of the 50 partitions.
    for (let index = 0; index < 300; index++) {
      signal?.throwIfAborted()
      const fetched = await admin.fetchOffsets({ groupId: `warm-up-${index}` }).catch(() => null)
      if (fetched !== null) continue
      if (Date.now() > deadlineMs) throw new Error('the group coordinators of Kafka did not load')
      await delay(100)
      index--
    }
  } finally {
    await admin.disconnect()
  }
}

/** Metadata goes to the bootstrap address only, so a proxy that is not there yet does no harm. */
async function brokersSeenFrom(brokers: readonly string[], reachable: boolean): Promise<number> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 1_000
  })
  const admin = client.admin()
  try {
    await admin.connect()
    if (!reachable) return brokers.length
    const cluster = await admin.describeCluster()
    return cluster.brokers.length
  } catch {
    return 0
  } finally {
    await admin.disconnect()
  }
}

async function endProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill(signal)
  const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await ended
  clearTimeout(killTimer)
}

async function run(command: string, commandArguments: readonly string[]): Promise<void> {
  const child = spawn(command, commandArguments, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output.slice(-4000)}`)
}

/**
 * Ports that were free a moment ago, below those that systems give out by themselves: whoever is
 * killed and started again finds that nobody has got its port meanwhile. All are held open at once,
 * so that none is given twice.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, portHolder))
  const ports = servers.map(portOf)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

async function portHolder(): Promise<Server> {
  for (;;) {
    const server = createServer()
    const failure = await new Promise<NodeJS.ErrnoException | null>(resolve => {
      server.once('error', resolve)
      server.listen(randomInt(10_000, 32_000), '127.0.0.1', () => resolve(null))
    })
    if (failure === null) return server
    if (failure.code !== 'EADDRINUSE') throw failure
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

function logFile(directory: string, nodeId: number): string {
  return path.join(directory, `node-${nodeId}.log`)
}

function propertiesFile(directory: string, nodeId: number): string {
  return path.join(directory, `node-${nodeId}.properties`)
}
