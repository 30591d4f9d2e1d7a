import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { RawClient } from '../server/raw-client.ts'
import { cliPath, CommandProcess, startCommand } from './broker-process.ts'

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'odradek-cli-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port)
  onTestFinished(() => client.close())
  return client
}

describe('odradek start', () => {
  test('prints exactly one line when clients can connect, and ends with 0 on SIGTERM', async () => {
    const broker = startCommand()
    const client = await connect(await broker.ready())
    client.request('ApiVersions', 0, 1, {})
    const { response } = await client.answer('ApiVersions', 0)
    expect(response.errorCode).toBe(0)
    broker.kill('SIGTERM')
    const { code, stdout, stderr } = await broker.ended()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^odradek ready: 127\.0\.0\.1:\d+ {2}cluster \S{22} {2}/)
    expect(stdout).toMatch(/ {2}durability memory {2}in memory {2}in \d+ ms\n$/)
    expect(stdout.match(/\n/g)).toHaveLength(1)
    expect(stderr).toMatch(/"msg":"stopping"/)
  })

  test('ends with 0 on SIGINT, with a client connected and a request parked', async () => {
    const broker = startCommand('--log-level', 'silent')
    const client = await connect(await broker.ready())
    client.request('Metadata', 12, 1, { topics: [{ name: 'parked' }] })
    const { response } = await client.answer('Metadata', 12)
    const topicId = response.topics[0]!.topicId
    client.request('Fetch', 13, 2, {
      maxWaitMs: 600_000,
      minBytes: 1,
      topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }]
    })
    client.request('ApiVersions', 0, 3, {})
    broker.kill('SIGINT')
    expect((await broker.ended()).code).toBe(0)
  })

  test('keeps its data: what is there at the start is there after a restart', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startCommand('--data-dir', dataDir)
    const client = await connect(await first.ready())
    client.request('Metadata', 12, 1, { topics: [{ name: 'kept' }] })
    const made = await client.answer('Metadata', 12)
    first.kill('SIGTERM')
    expect((await first.ended()).code).toBe(0)

    const second = startCommand('--data-dir', dataDir)
    const again = await connect(await second.ready())
    again.request('Metadata', 12, 1, { topics: null })
    const { response } = await again.answer('Metadata', 12)
    expect(response.clusterId).toBe(made.response.clusterId)
    expect(response.topics.map(topic => [topic.name, topic.topicId])).toEqual([
      ['kept', made.response.topics[0]!.topicId]
    ])
  })

  test('takes options from the environment and broker configs from a file', async () => {
    const directory = temporaryDirectory()
    const properties = join(directory, 'server.properties')
    writeFileSync(properties, '# a comment\nnum.partitions = 7\n')
    const broker = new CommandProcess(['start', '--properties', properties], {
      ODRADEK_LISTEN: '127.0.0.1:0',
      ODRADEK_NODE_ID: '42',
      ODRADEK_LOG_FORMAT: 'text'
    })
    const client = await connect(await broker.ready())
    client.request('Metadata', 12, 1, { topics: [{ name: 'seven' }] })
    const { response } = await client.answer('Metadata', 12)
    expect(response.brokers.map(each => each.nodeId)).toEqual([42])
    expect(response.topics[0]!.partitions).toHaveLength(7)
    broker.kill('SIGTERM')
    expect((await broker.ended()).stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}stopping/m)
  })

  test('tells clients the advertised address', async () => {
    const broker = startCommand('--advertise', 'kafka.example.com:19092')
    const client = await connect(await broker.ready())
    client.request('Metadata', 12, 1, { topics: [] })
    const { response } = await client.answer('Metadata', 12)
    const [{ host, port } = { host: '', port: 0 }] = response.brokers
    expect([host, port]).toEqual(['kafka.example.com', 19_092])
  })
})

describe('odradek does not start', () => {
  test('on a port that is in use: exit code 3 and one sentence', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const address = other.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const { port } = address
    const broker = new CommandProcess(['start', '--listen', `127.0.0.1:${port}`])
    const { code, stdout, stderr } = await broker.ended()
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toBe(`odradek: 127.0.0.1:${port} is in use by another program\n`)
  })

  test('on an address of another machine: exit code 3', async () => {
    const broker = new CommandProcess(['start', '--listen', '192.0.2.1:0', '--insecure'])
    const { code, stderr } = await broker.ended()
    expect(code).toBe(3)
    expect(stderr).toBe('odradek: 192.0.2.1 is not an address of this machine\n')
  })

  test('on the data directory of a broker that runs: exit code 4, and that one lives on', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startCommand('--data-dir', dataDir)
    const port = await first.ready()
    const { code, stdout, stderr } = await startCommand('--data-dir', dataDir).ended()
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toMatch(/is in use by/)
    const client = await connect(port)
    client.request('ApiVersions', 0, 1, {})
    expect((await client.answer('ApiVersions', 0)).correlationId).toBe(1)
  })

  test('on a file, or on a folder of something else: exit code 4, and nothing is touched', async () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'file')
    writeFileSync(file, 'precious')
    expect((await startCommand('--data-dir', file).ended()).code).toBe(4)
    const foreign = join(directory, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'thesis.txt'), 'precious')
    const { code, stderr } = await startCommand('--data-dir', foreign).ended()
    expect(code).toBe(4)
    expect(stderr).toMatch(/is not empty/)
    expect(readdirSync(foreign).filter(name => !name.startsWith('.'))).toEqual(['thesis.txt'])
  })

  test('as another broker of a data directory: exit code 4', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const first = startCommand('--data-dir', dataDir, '--node-id', '1')
    await first.ready()
    first.kill('SIGTERM')
    await first.ended()
    const { code, stderr } = await startCommand('--data-dir', dataDir, '--node-id', '2').ended()
    expect(code).toBe(4)
    expect(stderr).toMatch(/belongs to the broker with node id 1, not 2/)
  })

  test.each([
    ['an unknown option', ['start', '--fast']],
    ['an unknown command', ['stop']],
    ['no command', []],
    ['an address that is none', ['start', '--listen', 'here']],
    ['a durability that is none', ['start', '--durability', 'mostly']],
    ['durability without a folder', ['start', '--durability', 'fsync']],
    ['an unknown config', ['start', '--config', 'num.partition=3']],
    ['a config out of range', ['start', '--config', 'num.partitions=0']],
    ['a missing properties file', ['start', '--properties', '/nonexistent/file']],
    ['a listener open to others', ['start', '--listen', '0.0.0.0:0']]
  ])('with %s: exit code 2 and a sentence on standard error', async (_what, args) => {
    const { code, stdout, stderr } = await new CommandProcess(args).ended()
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trim()).not.toBe('')
    expect(stderr).not.toMatch(/ {4}at /)
  })

  test('and an unknown option is answered with where the known ones are', async () => {
    const { stderr } = await new CommandProcess(['start', '--fast']).ended()
    expect(stderr).toMatch(/^odradek: unknown option '--fast'\n.*--help/)
  })

  test('and an unknown config is answered with its nearest neighbour', async () => {
    const process = new CommandProcess(['start', '--config', 'num.partition=3'])
    expect((await process.ended()).stderr).toMatch(/Did you mean num\.partitions\?/)
  })
})

function run(...args: readonly string[]): string {
  return execFileSync(process.execPath, [cliPath, ...args], { encoding: 'utf8' })
}

test('--version and --help end with 0', () => {
  expect(run('--version')).toBe(`${packageJson.version}\n`)
  expect(run('--help')).toMatch(/odradek start --data-dir/)
  expect(run('start', '--help')).toMatch(/--listen <host:port>/)
  expect(run('help', 'start')).toBe(run('start', '--help'))
})
