import { readWhole } from '../../src/io/files.ts'
import { PlaneRun, type RunStep } from './plane-run.ts'
import { SimFiles } from './sim-files.ts'
import type { SimDisk } from './sim-disk.ts'

/** How a data directory was left. */
export type Ending = 'stop' | 'crash'

const produce = (topic: number, partition: number, producer: number, valueSize = 60): RunStep => {
  return { type: 'produce', topic, partition, producer, count: 2, valueSize }
}
const settle: RunStep = { type: 'settle' }

/**
 * Topics with several segments, of which compaction has written some; leader epochs, configs,
 * deleted records, committed offsets, and a tail that a crash has torn.
 */
const filling: readonly RunStep[] = [
  { type: 'createTopic', topic: 0 },
  { type: 'createTopic', topic: 1 },
  { type: 'createTopic', topic: 2 },
  { type: 'newProducer', producer: 0 },
  settle,
  ...Array.from({ length: 8 }, () => produce(0, 0, 0)),
  ...Array.from({ length: 3 }, () => produce(2, 1, 2, 700)),
  ...Array.from({ length: 12 }, () => produce(2, 0, 2)),
  produce(1, 0, 2),
  settle,
  { type: 'compact', topic: 2 },
  { type: 'alterTopic', topic: 0 },
  { type: 'commit', group: 0, topic: 0, partition: 0 },
  settle,
  { type: 'deleteRecords', topic: 0, partition: 0, share: 0.2 },
  settle,
  ...Array.from({ length: 3 }, () => produce(2, 1, 2, 700)),
  { type: 'crash', kind: 'process', at: { share: 0.97 }, torn: 0.7, tornIn: 'third-1', seed: 1 },
  produce(0, 0, 0),
  produce(2, 0, 2),
  settle,
  { type: 'stop' },
  ...Array.from({ length: 7 }, () => produce(0, 0, 0)),
  produce(2, 1, 2),
  { type: 'commit', group: 1, topic: 2, partition: 1 },
  settle
]

/** Of a partition that nobody knows. */
const strayFolder = `/data/gone-1.${'0123456789abcdef'.repeat(2)}-stray`

/** A data directory in which everything is acknowledged. */
export async function filledDisk(ending: Ending, seed: number): Promise<SimDisk> {
  const run = new PlaneRun({ durability: 'fsync', seed })
  for (const step of filling) await run.do(step)
  const world = run.world!
  world.plane.storage.startScrub()
  await passScrub(ms => world.clock.advance(ms))
  await run.do({ type: 'deleteTopic', topic: 1 })
  await run.do(settle)
  const crash = { kind: 'process', torn: 0, seed } as const
  const { life } = ending === 'crash' ? world : await run.stop()
  const disk = life.crashed({ ...crash, after: life.now })
  copyFolder(new SimFiles(disk, { seed }), '/data/third-1', strayFolder)
  return disk
}

/** Lets a scrub that was started do all that is due, or as much as it gets to in many turns. */
export async function passScrub(
  advance: (ms: number) => void,
  isDone: () => boolean = () => false
): Promise<void> {
  advance(60_000)
  for (let round = 0; round < 60 && !isDone(); round++) {
    for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
    advance(10)
  }
}

function copyFolder(files: SimFiles, from: string, to: string): void {
  files.makeDirectory(to)
  for (const { name } of files.list(from)) {
    const file = files.open(`${to}/${name}`, 'create')
    file.writeSync([readWhole(files, `${from}/${name}`)], 0)
    file.close()
  }
}
