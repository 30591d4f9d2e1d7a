import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { recordedValues } from '../../record/recorded-values.ts'

const run = promisify(execFile)
const kcatIsInstalled = spawnSync('kcat', ['-V']).status === 0
if (!kcatIsInstalled) console.warn('kcat is not installed (Debian: apt-get install kcat): skipped')

const types = ['zstd', 'lz4', 'snappy', 'gzip', 'uncompressed'] as const
const sent = ['none', 'zstd', 'lz4', 'snappy', 'gzip'] as const

/** Enough for several blocks of every codec. */
const values = recordedValues(2_500)

describe.skipIf(!kcatIsInstalled)('kcat reads what a topic packs its own way', () => {
  const broker = useBroker({
    topics: types.map(type => ({ name: `as-${type}`, configs: { 'compression.type': type } }))
  })
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'odradek-recompression-'))
    await writeFile(join(folder, 'values'), `${values.join('\n')}\n`)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each(types)('compression.type=%s', async type => {
    const target = ['-b', broker.bootstrapServers, '-t', `as-${type}`, '-p', '0']
    for (const codec of sent) {
      const oneBatch = ['-X', 'queue.buffering.max.ms=500', '-X', 'batch.num.messages=100000']
      const packing = codec === 'none' ? [] : ['-z', codec]
      await run('kcat', ['-P', ...target, ...packing, ...oneBatch, '-l', join(folder, 'values')])
    }
    // With every checksum looked at.
    const reading = ['-C', ...target, '-o', 'beginning', '-e', '-q', '-X', 'check.crcs=true']
    const { stdout } = await run('kcat', reading, { maxBuffer: 16 * 1024 * 1024 })
    const read = stdout.trimEnd().split('\n')
    expect(read).toHaveLength(sent.length * values.length)
    for (let index = 0; index < sent.length; index++) {
      const part = read.slice(index * values.length, (index + 1) * values.length)
      expect(part.join('\n') === values.join('\n')).toBe(true)
    }
  })
})
