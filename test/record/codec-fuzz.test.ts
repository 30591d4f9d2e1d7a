import { expect, test } from 'vitest'
import { KiB } from '../../src/base/sizes.ts'
import type { Compression } from '../../src/record/batch.ts'
import { codecOf, decompress } from '../../src/record/compression.ts'

// Malformed input by the thousand, and by more of them with
// `ODRADEK_FUZZ_RUNS=30000 npx vitest run test/record/codec-fuzz --testTimeout 600000`. It must not
// fail otherwise than with a value, unpack to more than is allowed, change what is unpacked after
// it, or never end.

const runs = Number(process.env.ODRADEK_FUZZ_RUNS ?? 2_000)
const seed = Number(process.env.ODRADEK_FUZZ_SEED ?? 1)

/** Numbers below a bound, the same ones for the same seed. */
function generator(from: number): (below: number) => number {
  let state = from >>> 0
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

type Random = ReturnType<typeof generator>

const line = (n: number): string => `{"id":${n},"name":"name-${n % 7}","at":${n * n * 1_000}}\n`
const plains = [
  Buffer.from('a'),
  Buffer.from('hello hello hello hello hello hello'),
  Buffer.alloc(3_000),
  Buffer.from(Array.from({ length: 90 }, (_, n) => line(n)).join('')),
  Buffer.alloc(150 * KiB, Array.from({ length: 3_000 }, (_, n) => line(n)).join('')),
  Buffer.from(Array.from({ length: 900 }, (_, n) => (n * n * 2_654_435_761) % 251))
]

/** Cuts, changes, repeats and exchanges bytes, a few times over. */
function mutated(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let changed = Buffer.from(bytes)
  for (let times = 1 + random(4); times > 0 && changed.length > 0; times--) {
    // The first bytes say most.
    const at = random(2) === 0 ? random(Math.min(20, changed.length)) : random(changed.length)
    switch (random(8)) {
      case 0:
        changed[at]! ^= 1 << random(8)
        break
      case 1:
        changed[at] = random(256)
        break
      case 2:
        changed[at] = [0, 0x7f, 0x80, 0xff][random(4)]!
        break
      case 3:
        changed = changed.subarray(0, at)
        break
      case 4:
        changed.subarray(at, at + 1 + random(8)).fill(random(2) * 0xff)
        break
      case 5:
        changed = Buffer.concat([changed.subarray(0, at), changed])
        break
      case 6:
        changed = Buffer.concat([changed.subarray(0, at), others[random(others.length)]!])
        break
      default:
        changed = Buffer.concat([changed, others[random(others.length)]!])
    }
  }
  return changed
}

const sizeMaxes = [0, 1, 5_000, 200 * KiB, 1_000 * KiB]

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  '%s answers whatever it is given with a value, and is as good as new afterwards',
  compression => {
    const codec = codecOf(compression)
    const random = generator(seed)
    const packed = plains.map(plain => codec.compress(plain))
    const outcomes = new Map<string, number>()
    for (let run = 0; run < runs; run++) {
      const input = mutated(packed[random(packed.length)]!, packed, random)
      const before = Buffer.from(input)
      const sizeMax = sizeMaxes[random(sizeMaxes.length)]!
      const unpacked = decompress(compression, input, sizeMax)
      if (unpacked.ok && unpacked.value.length > sizeMax) expect(input.toString('hex')).toBe('')
      if (!input.equals(before)) expect(input).toEqual(before)
      const outcome = unpacked.ok ? 'valid' : unpacked.error
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      if (run % 50 === 0) expectGood(compression, packed)
    }
    expect([...outcomes.keys()].sort()).toEqual(['CORRUPT_MESSAGE', 'MESSAGE_TOO_LARGE', 'valid'])
    expect(outcomes.get('CORRUPT_MESSAGE')).toBeGreaterThan(runs / 4)
  }
)

function expectGood(compression: Exclude<Compression, 'none'>, packed: readonly Buffer[]): void {
  for (const [index, plain] of plains.entries()) {
    const unpacked = decompress(compression, packed[index]!, plain.length)
    if (!unpacked.ok || !unpacked.value.equals(plain)) expect(unpacked).toEqual(plain)
  }
}
