import { expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { damagedParts, Sidecar } from '../../src/storage/local/sidecar.ts'
import type { SegmentIdentity } from '../../src/storage/local/sidecar-format.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { answersOf, type Answers } from './corruption-answers.ts'
import { filledDisk, passScrub } from './corruption-filling.ts'
import { crashedNow, Life, type CrashKind } from './life.ts'
import { Plane } from './plane.ts'
import type { SimDisk } from './sim-disk.ts'
import { SimFiles } from './sim-files.ts'

// A broker that finds a sidecar damaged writes it again. Wherever that ends, everything that was
// promised is there at the next start.

const sidecar = '/data/orders-0/00000000000000000000.odradek'
const startMs = 1_700_001_000_000

/** A byte of each part of the sidecar; null: the file is gone. */
const places: readonly (readonly [name: string, position: number | null])[] = [
  ['identity', 20],
  ['padding', 300],
  ['first state', 520],
  ['second state', 1030],
  ['journal', 1540],
  ['whole file', null]
]
const crashKinds: readonly CrashKind[] = ['process', 'journaled', 'adversary']

async function open(life: Life): Promise<Plane> {
  const clock = manualClock(startMs)
  const { files } = life
  return Plane.open({ files, clock, seed: 1, durability: 'fsync', logger: silentLogger })
}

/** What topics of clients answer; the broker's own log grows with every start. */
async function promised(disk: SimDisk, known: Answers | null): Promise<Answers> {
  const life = new Life(disk, { seed: 1 })
  const plane = await open(life)
  const answers = await answersOf(plane, known)
  await plane.abandon()
  life.files.stop()
  return new Map([...answers].filter(([name]) => /^(orders|third)-/.test(name)))
}

/** Damages the sidecar of a running broker. */
function damage(life: Life, position: number | null): void {
  const { files } = life
  if (position === null) {
    files.remove(sidecar)
    return
  }
  const file = files.open(sidecar, 'readWrite')
  const byte = Buffer.alloc(1)
  file.readSync(byte, position)
  byte[0]! ^= 4
  file.writeSync([byte], position)
  file.close()
}

/** Which parts of the sidecar do not hold. */
function damagedIn(disk: SimDisk, identity: SegmentIdentity): readonly string[] {
  const files = new SimFiles(disk.copy(), { seed: 1 })
  if (!files.exists(sidecar)) return ['file']
  return damagedParts(Sidecar.read(files, sidecar, identity))
}

for (const [name, position] of places) {
  test(`a scrub that writes the ${name} of a sidecar again may end anywhere`, async () => {
    const crash = { kind: 'everything', torn: 0, seed: 1 } as const
    const disk = crashedNow(await filledDisk('stop', 1), undefined, crash)
    const known = await promised(disk, null)
    const identity = Sidecar.readIdentity(new SimFiles(disk, { seed: 1 }), sidecar)
    assert(typeof identity === 'object', 'the sidecar is sound')
    const life = new Life(disk, { seed: 1 })
    const clock = manualClock(startMs)
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
    const { files } = life
    const plane = await Plane.open({ files, clock, seed: 1, durability: 'fsync', logger })
    damage(life, position)
    const from = life.now
    plane.storage.startScrub()
    await passScrub(ms => clock.advance(ms))
    const to = life.now
    await plane.abandon()
    files.stop()
    expect(warnings).toEqual(['a sidecar is damaged on disk and is written anew from memory'])

    for (let after = from; after <= to; after++) {
      for (const kind of crashKinds) {
        const left = life.crashed({ kind, after, torn: 0.4, seed: after })
        // What held before the scrub holds behind it.
        const parts = damagedIn(left, identity)
        expect([kind, after, parts.filter(part => !name.includes(part))]).toEqual([kind, after, []])
        expect([kind, after, await promised(left, known)]).toEqual([kind, after, known])
      }
    }
  })
}
