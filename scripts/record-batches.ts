import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBroker } from '../src/index.ts'
import * as batch from '../src/record/batch.ts'
import { recordedCounts, recordedValues, type Recording } from '../test/record/recorded-values.ts'
import { defaultKafkaVersion, resolveKafka } from './oracle/kafka.ts'

// Records how others pack the same records, into test/golden/batches: the batches of kcat
// (librdkafka) and of the Java client, and the frames of the commands lz4 and zstd.
// `tsx scripts/record-batches.ts`; it needs kcat, lz4, zstd and Java.

const output = fileURLToPath(new URL('../test/golden/batches', import.meta.url))
const javaProducer = fileURLToPath(new URL('oracle/RecordedProducer.java', import.meta.url))
const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const run = promisify(execFile)

/** Sends the lines of a file as one batch. */
type Produce = (to: {
  readonly bootstrapServers: string
  readonly topic: string
  readonly codec: string
  readonly file: string
}) => Promise<unknown>

const kcat: Produce = ({ bootstrapServers, topic, codec, file }) => {
  const destination = ['-P', '-b', bootstrapServers, '-t', topic, '-p', '0', '-z', codec]
  const oneBatch = ['-X', 'queue.buffering.max.ms=1000', '-X', 'batch.num.messages=100000']
  return run('kcat', [...destination, ...oneBatch, '-l', file])
}

const libraries = path.join(await resolveKafka(defaultKafkaVersion), '*')
const java: Produce = ({ bootstrapServers, topic, codec, file }) =>
  run('java', ['-cp', libraries, javaProducer, bootstrapServers, topic, codec, file])

const scratch = await mkdtemp(path.join(tmpdir(), 'odradek-batches-'))
try {
  await mkdir(output, { recursive: true })
  const version = /librdkafka ([\d.]+)/.exec(execFileSync('kcat', ['-V'], { encoding: 'utf8' }))
  await write('librdkafka', await batchesOf(`librdkafka ${version![1]}`, kcat))
  await write('java', await batchesOf(`Java client ${defaultKafkaVersion}`, java))
  await write('commands', commandFrames())
} finally {
  await rm(scratch, { recursive: true, force: true })
}

/** What the log holds after a client sent the records with every codec. */
async function batchesOf(by: string, produce: Produce): Promise<readonly Recording[]> {
  const dataDir = path.join(scratch, by)
  const broker = await startBroker({ dataDir, durability: 'os' })
  try {
    for (const codec of codecs) {
      for (const count of recordedCounts) {
        const file = path.join(scratch, 'values')
        await writeFile(file, `${recordedValues(count).join('\n')}\n`)
        const topic = `${codec}-${count}`
        await produce({ bootstrapServers: broker.brokers.join(','), topic, codec, file })
      }
    }
  } finally {
    await broker.close()
  }
  const recordings: Recording[] = []
  for (const codec of codecs) {
    for (const count of recordedCounts) {
      const log = path.join(dataDir, `${codec}-${count}-0`, `${'0'.repeat(20)}.log`)
      const bytes = await readFile(log)
      const isOne = batch.batchSize(bytes, 0) === bytes.length
      if (!isOne || batch.compression(bytes, 0) !== codec) throw new Error(`${by}: ${log}`)
      recordings.push({ by, codec, count, base64: bytes.toString('base64') })
    }
  }
  return recordings
}

/** Frames that hold the values, joined, as the commands write them with these options. */
function commandFrames(): readonly Recording[] {
  const commands: ReadonlyArray<readonly ['lz4' | 'zstd', string]> = [
    ['lz4', '-B4'],
    ['lz4', '-B4 -BI -BX'],
    ['lz4', '-B5 -9 --no-frame-crc'],
    ['lz4', '-B7 --content-size'],
    ['zstd', ''],
    ['zstd', '-1 --no-check'],
    ['zstd', '-19 --long=27'],
    ['zstd', '--fast=5']
  ]
  return commands.map(([codec, options]) => {
    const count = recordedCounts.at(-1)!
    const input = recordedValues(count).join('')
    // From a pipe, so that zstd cannot know how much there will be.
    const frame = execFileSync(codec, ['-c', ...options.split(' ').filter(Boolean)], { input })
    return { by: `${codec} ${options}`.trim(), codec, count, base64: frame.toString('base64') }
  })
}

async function write(name: string, recordings: readonly Recording[]): Promise<void> {
  const lines = recordings.map(each => `${JSON.stringify(each)}\n`).join('')
  await writeFile(path.join(output, `${name}.jsonl`), lines)
  console.log(`${name}: ${recordings.length} recordings, ${lines.length} bytes`)
}
