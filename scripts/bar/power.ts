import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePorts } from '../oracle/kafka.ts'
import { wholeNumber, type Bar } from './bar.ts'
import { BrokerUnderTest } from './broker-under-test.ts'
import { patientKafka, placeName, readTopics, registerCodecs } from './clients.ts'
import { figures, isGood, runKills } from './kill.ts'
import { Ledger, noViolations, type Violations } from './ledger.ts'
import { startProducer } from './load.ts'
import { makeVolume, type FileSystemKind, type MountedVolume } from './mounted-volume.ts'
import { Draws } from '../../test/sim/draws.ts'

// The power of the disk is cut under load: what was not synced is gone. In the mode fsync whatever
// was acknowledged must be there when the machine is up again; the mode os must lose something, or
// the cut would be no cut.

const usage = `npm run bar -- power [options]

As root: cuts the power of an ext4 and, where the kernel has it, an XFS again and again under load.
In the mode fsync nothing acknowledged may be lost; the mode os has to lose something, or the cut
would be none.

  --cuts N   of each file system (default 20)
  --seed N   (default: by the clock)
`

async function power(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cuts: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) }
    }
  })
  const startedMs = Date.now()
  const seed = wholeNumber('seed', values.seed, 0)
  const cuts = wholeNumber('cuts', values.cuts)
  const done: string[] = []
  let good = true
  for (const kind of ['ext4', 'xfs'] as const) {
    const volume = makeVolume(kind)
    if (typeof volume === 'string') {
      console.log(`power ${kind} SKIP: ${volume}`)
      continue
    }
    try {
      good = (await cutVolume(kind, volume, cuts, seed)) && good
      done.push(kind)
    } finally {
      await volume.remove()
    }
  }
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
  const verdict = done.length === 0 ? 'SKIP' : good ? 'PASS' : 'FAIL'
  console.log(`power: ${done.join(' and ') || 'no file system'}, ${seconds} s ${verdict}`)
  return good ? 0 : 1
}

export const bar: Bar = { usage, run: power }

async function cutVolume(
  kind: FileSystemKind,
  volume: MountedVolume,
  cuts: number,
  seed: number
): Promise<boolean> {
  const outcome = await runKills({
    kills: cuts,
    durability: 'fsync',
    seed,
    checkEvery: 10,
    stage: { directory: emptyFolder(volume, 'fsync'), crash: broker => crash(volume, broker) }
  })
  console.log(`power ${kind} fsync: ${figures(outcome)}, seed ${seed}`)
  const { lost, reordered, foreign, acknowledged } = await loseUnsynced(volume, seed)
  console.log(
    `power ${kind} os: 1 kills, ${acknowledged} records acknowledged, ${lost} lost ` +
      `(some must be), ${reordered} reordered, ${foreign} foreign`
  )
  return isGood(outcome) && lost > 0 && reordered === 0 && foreign === 0
}

function emptyFolder(volume: MountedVolume, name: string): string {
  const folder = join(volume.path, name)
  mkdirSync(folder)
  return folder
}

/** The whole machine goes: first the disk, and what the broker would say of that is not heard. */
async function crash(volume: MountedVolume, broker: BrokerUnderTest): Promise<void> {
  volume.cutPower()
  await broker.kill()
  await volume.mountAgain()
}

/** One cut in the mode that promises nothing of the kind. */
async function loseUnsynced(
  volume: MountedVolume,
  seed: number
): Promise<Violations & { readonly acknowledged: number }> {
  registerCodecs()
  const [port] = await freePorts(1)
  const directory = emptyFolder(volume, 'os')
  const broker = new BrokerUnderTest({ directory, port: port!, durability: 'os' })
  const ledger = new Ledger()
  const topics = [{ topic: 'orders', partitions: 2 }]
  try {
    await broker.start()
    const admin = patientKafka(broker.address).admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: 'orders', numPartitions: 2 }]
    })
    await admin.disconnect()
    const plan = { name: 'p', isIdempotent: false, topics }
    const sizes = { recordsMax: 20, valueSizeMax: 500, pauseMsMax: 2 }
    const producer = await startProducer(
      broker.address,
      { ...plan, ...sizes },
      ledger,
      new Draws(seed)
    )
    await delay(1_000)
    await producer.stop()
    await crash(volume, broker)
    await broker.start()
    const read = await readTopics(broker.address, ['orders'])
    const found = noViolations()
    for (const partition of [0, 1]) {
      const place = placeName('orders', partition)
      const at = read.get(place) ?? { logStartOffset: 0, logEndOffset: 0, records: [] }
      ledger.judge(place, at, found)
    }
    return { ...found, acknowledged: ledger.acknowledgedCount }
  } finally {
    await broker.kill()
  }
}
