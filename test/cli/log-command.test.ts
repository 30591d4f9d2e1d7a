import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RawClient } from '../server/raw-client.ts'
import { CommandProcess, startCommand, type Ended } from './broker-process.ts'

function run(...args: readonly string[]): Promise<Ended> {
  return new CommandProcess(['log', ...args]).ended()
}

describe('odradek log', () => {
  test('looks into the data directory of a running broker, and of one that stopped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odradek-cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const dataDir = join(folder, 'data')
    const broker = startCommand('--data-dir', dataDir)
    const client = await RawClient.connect(await broker.ready())
    onTestFinished(() => client.close())
    client.request('Metadata', 12, 1, { topics: [{ name: 'made' }] })
    await client.answer('Metadata', 12)

    const running = await run('inspect', dataDir, '--json', '--records')
    expect([running.code, running.stderr]).toEqual([0, ''])
    expect(running.stdout).toContain('"decoded":{"type":"TopicRecord","value":{"name":"made"')
    expect((await run('verify', dataDir)).code).toBe(0)
    broker.kill('SIGTERM')
    expect((await broker.ended()).code).toBe(0)
    const before = readdirSync(dataDir, { recursive: true })

    const stopped = await run('verify', dataDir)
    expect([stopped.code, stopped.stderr]).toEqual([0, ''])
    expect(stopped.stdout).toMatch(/^1 partition, .* bytes: sound\n$/)
    const segment = join(dataDir, '__cluster_metadata-0', `${'0'.repeat(20)}.log`)
    const inspected = await run('inspect', segment)
    expect(inspected.stdout).toContain('shut down in order')
    expect(readdirSync(dataDir, { recursive: true })).toEqual(before)
  })

  test('ends with 4 where there is no log, and with 2 when it is asked wrongly', async () => {
    const missing = await run('inspect', '/nowhere/at/all')
    expect([missing.code, missing.stdout]).toEqual([4, ''])
    expect(missing.stderr).toBe('odradek: /nowhere/at/all is not there\n')
    expect((await run('inspect')).code).toBe(2)
    expect((await run('verify', '.', '--what')).code).toBe(2)
    expect((await run('inspect', '.', '--from', '-1')).code).toBe(2)
  })

  test('lists the fields of its JSON in its help', async () => {
    const help = await run('inspect', '--help')
    expect(help.code).toBe(0)
    for (const field of ['cleanShutdown', 'producerSnapshots', 'deleteHorizonMs', 'decoded']) {
      expect(help.stdout).toContain(field)
    }
    expect(help.stdout.split('\n').filter(line => line.length > 100)).toEqual([])
  })
})
