import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../../src/record/crc32c.ts'
import {
  formatLeaderEpochCheckpoint,
  formatOffsetCheckpoint,
  formatPartitionMetadata,
  formatScrubCheckpoint,
  parseLeaderEpochCheckpoint,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
  parseScrubCheckpoint
} from '../../../src/storage/local/checkpoint.ts'
import {
  asideFolderName,
  isDeletedFolderName,
  parsePartitionFolderName,
  parseSegmentName,
  partitionFolderName,
  segmentPath
} from '../../../src/storage/local/file-names.ts'
import { readInt64, writeInt64 } from '../../../src/storage/local/int64.ts'
import { LeaderEpochs } from '../../../src/storage/local/leader-epochs.ts'
import { OffsetIndex } from '../../../src/storage/local/offset-index.ts'
import {
  decodeIdentity,
  decodeJournal,
  decodeState,
  encodeJournalEntry,
  encodeSidecarHead,
  encodeState,
  isPaddingZero,
  sealKey,
  sidecarFormatVersion,
  statePositions,
  type Mark
} from '../../../src/storage/local/sidecar-format.ts'
import { TimeIndex } from '../../../src/storage/local/time-index.ts'

const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const topic = fc.stringMatching(/^[a-zA-Z0-9._-]{1,30}$/)

describe('names', () => {
  property.prop([topic, fc.nat(1_000_000)])(
    'of partition folders are taken apart again',
    (name, partition) => {
      const folder = partitionFolderName({ topic: name, partition })
      expect(parsePartitionFolderName(folder)).toEqual({ topic: name, partition })
    }
  )

  test('of folders that go are no partition’s, and fit into a file name', () => {
    const aside = asideFolderName(
      { topic: 'x'.repeat(249), partition: 12 },
      Buffer.alloc(16),
      'delete'
    )
    expect(aside.length).toBe(255)
    expect(aside.endsWith(`-12.${'0'.repeat(32)}-delete`)).toBe(true)
    expect(parsePartitionFolderName(aside)).toBeNull()
    expect(isDeletedFolderName(aside)).toBe(true)
    expect(isDeletedFolderName('orders-0')).toBe(false)
  })

  test('of segments are twenty digits and a suffix', () => {
    expect(segmentPath('/data/t-0', 2 ** 40, '.log')).toBe('/data/t-0/00000001099511627776.log')
    expect(parseSegmentName('00000001099511627776.log', '.log')).toBe(2 ** 40)
    expect(parseSegmentName('00000001099511627776.log.deleted', '.log')).toBeNull()
    expect(parseSegmentName('0000000109951162777x.log', '.log')).toBeNull()
    expect(parseSegmentName('99999999999999999999.log', '.log')).toBeNull()
  })
})

describe('text files', () => {
  property.prop([fc.array(fc.record({ topic, partition: fc.nat(100), offset }))])(
    'of offsets are read as they were written, and not at all when a byte is missing',
    entries => {
      const text = formatOffsetCheckpoint(entries)
      expect(parseOffsetCheckpoint(text)).toEqual(entries)
      for (let size = 0; size < text.length; size++) {
        expect(parseOffsetCheckpoint(text.slice(0, size))).toBeNull()
      }
    }
  )

  test('of leader epochs are Kafka’s', () => {
    const epochs = [
      { leaderEpoch: 0, startOffset: 0 },
      { leaderEpoch: 7, startOffset: 1234 }
    ]
    expect(formatLeaderEpochCheckpoint(epochs)).toBe('0\n2\n0 0\n7 1234\n')
    expect(parseLeaderEpochCheckpoint('0\n2\n0 0\n7 1234\n')).toEqual(epochs)
    expect(parseLeaderEpochCheckpoint('0\n0\n')).toEqual([])
    for (const text of ['', '1\n0\n', '0\n1\n', '0\n1\n1\n', '0\n1\n1 2 3\n', '0\n1\n-1 2\n']) {
      expect(parseLeaderEpochCheckpoint(text)).toBeNull()
    }
  })

  test('of the scrub’s times ends with a checksum of every bit before', () => {
    const entries = [{ topic: 'orders', partition: 3, baseOffset: 2 ** 40, scrubbedMs: 1 }]
    const text = formatScrubCheckpoint(entries)
    expect(parseScrubCheckpoint(text)).toEqual(entries)
    for (let at = 0; at < text.length; at++) {
      const bytes = Buffer.from(text)
      bytes[at]! ^= 1 << (at % 7)
      expect([at, parseScrubCheckpoint(bytes.toString())]).toEqual([at, null])
    }
  })

  test('of a partition are Kafka’s', () => {
    const text = formatPartitionMetadata('dG9waWMtaWQtMTIzNDU2Nw')
    expect(text).toBe('version: 0\ntopic_id: dG9waWMtaWQtMTIzNDU2Nw')
    expect(parsePartitionMetadata(`${text}\n`)).toBe('dG9waWMtaWQtMTIzNDU2Nw')
    expect(parsePartitionMetadata('version: 1\ntopic_id: dG9waWMtaWQtMTIzNDU2Nw')).toBeNull()
    expect(parsePartitionMetadata('')).toBeNull()
  })
})

describe('a sidecar', () => {
  const identity = {
    clusterId: 'cluster',
    topicId: Buffer.alloc(16, 5),
    partition: 3,
    baseOffset: 2 ** 40,
    createdMs: 1_700_000_000_000,
    isSparse: false
  }
  const state = { sequence: 0, logStartOffset: 1, durableEndOffset: 2 ** 40, durablePosition: 0 }
  const key = sealKey(identity)

  test('is read as it was written', () => {
    const head = encodeSidecarHead(identity, state)
    expect(decodeIdentity(head)).toEqual(identity)
    expect(decodeState(head, key)).toEqual({ state, damaged: false })
    expect(decodeJournal(head, key)).toEqual({ entries: [], written: [], damaged: false })
  })

  test('has nothing between its parts, and each bit there tells of damage', () => {
    const head = encodeSidecarHead(identity, state)
    expect(isPaddingZero(head)).toBe(true)
    for (const position of [256, 511, 552, 1023, 1064, 1535]) {
      head[position]! ^= 16
      expect([position, isPaddingZero(head)]).toEqual([position, false])
      head[position]! ^= 16
    }
  })

  test('tells the newer of its two states, and the older when the newer is damaged', () => {
    const head = encodeSidecarHead(identity, state)
    const newer = { ...state, sequence: 1, durableEndOffset: 2 ** 41, durablePosition: 100 }
    encodeState(newer, key).copy(head, statePositions[1])
    expect(decodeState(head, key)).toEqual({ state: newer, damaged: false })
    head[statePositions[1] + 9]! ^= 1
    expect(decodeState(head, key)).toEqual({ state, damaged: true })
    head[statePositions[0]]! ^= 1
    expect(decodeState(head, key)).toEqual({ state: null, damaged: true })
  })

  test.each([
    ['cluster', { ...identity, clusterId: 'another' }],
    ['topic', { ...identity, topicId: Buffer.alloc(16, 6) }],
    ['partition', { ...identity, partition: 4 }],
    ['segment', { ...identity, baseOffset: 0 }]
  ])('takes nothing that belongs into a sidecar of another %s', (_, other) => {
    const entry = { kind: 'leaderEpoch', leaderEpoch: 1, startOffset: 2 } as const
    const foreign = encodeSidecarHead(other, state)
    const bytes = Buffer.concat([foreign, encodeJournalEntry(entry, 0, sealKey(other))])
    expect(decodeState(bytes, sealKey(other)).state).toEqual(state)
    expect(decodeState(bytes, key)).toEqual({ state: null, damaged: true })
    expect(decodeJournal(bytes, key)).toEqual({ entries: [], written: [], damaged: true })
  })

  test('counts no entry that a later cut has taken away', () => {
    const epochs = [0, 5, 9].map(startOffset => {
      return { kind: 'leaderEpoch' as const, leaderEpoch: startOffset, startOffset }
    })
    const cut = { kind: 'cut' as const, position: 100, endOffset: 5 }
    const written = [epochs[0]!, epochs[1]!, cut, epochs[2]!]
    const bytes = written.map((entry, index) => encodeJournalEntry(entry, index, key))
    expect(
      decodeJournal(Buffer.concat([encodeSidecarHead(identity, state), ...bytes]), key)
    ).toMatchObject({
      entries: [epochs[0], epochs[2]],
      written: { length: 4 },
      damaged: false
    })
  })

  test('takes nothing that belongs to another place in it', () => {
    const head = encodeSidecarHead(identity, state)
    head.copyWithin(statePositions[1], statePositions[0], statePositions[0] + 40)
    head.fill(0, statePositions[0], statePositions[0] + 40)
    expect(decodeState(head, key)).toEqual({ state: null, damaged: true })
    const epochs = [1, 2].map(leaderEpoch => ({
      kind: 'leaderEpoch' as const,
      leaderEpoch,
      startOffset: leaderEpoch
    }))
    const entries = epochs.map((entry, index) => encodeJournalEntry(entry, index, key))
    const journal = decodeJournal(Buffer.concat([head, entries[0]!, entries[0]!]), key)
    expect(journal).toMatchObject({
      entries: epochs.slice(0, 1),
      written: { length: 1 },
      damaged: true
    })
  })

  test('of a compacted segment says so, in a format of its own', () => {
    const head = encodeSidecarHead({ ...identity, isSparse: true }, state)
    expect(head.readInt16BE(8)).toBe(sidecarFormatVersion)
    expect(decodeIdentity(head)).toEqual({ ...identity, isSparse: true })
    const entry = { kind: 'compaction' as const, firstDirtyOffset: 2 ** 41 }
    const journal = Buffer.concat([head, encodeJournalEntry(entry, 0, key)])
    expect(decodeJournal(journal, key)).toEqual({
      entries: [entry],
      written: [entry],
      damaged: false
    })
  })

  test('of a newer format is told from a damaged one', () => {
    const head = encodeSidecarHead(identity, state)
    head.writeInt16BE(sidecarFormatVersion + 1, 8)
    expect(decodeIdentity(head)).toBe('damaged')
    head.writeUInt32BE(crc32c(head, 0, 252), 252)
    expect(decodeIdentity(head)).toBe('newer')
  })

  property.prop([
    fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('leaderEpoch' as const),
          leaderEpoch: fc.nat(),
          startOffset: offset
        }),
        fc.record({
          kind: fc.constant('mark' as const),
          position: fc.nat(),
          endOffset: offset,
          offsetIndexCount: fc.nat(),
          timeIndexCount: fc.nat(),
          offsetIndexCrc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
          timeIndexCrc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
          largestTimestampMs: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
          offsetOfLargestTimestamp: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
          firstBatchTimestampMs: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
          sizeSinceIndexEntry: fc.nat()
        }) satisfies fc.Arbitrary<Mark>
      ),
      { maxLength: 10 }
    ),
    fc.nat(),
    fc.nat(7)
  ])('shows of its journal what is before the first damage', (entries, where, bit) => {
    const head = encodeSidecarHead(identity, state)
    const bytes = Buffer.concat([
      head,
      ...entries.map((entry, index) => encodeJournalEntry(entry, index, key))
    ])
    expect(decodeJournal(bytes, key)).toEqual({ entries, written: entries, damaged: false })
    if (entries.length === 0) return
    const position = head.length + (where % (bytes.length - head.length))
    bytes[position]! ^= 1 << bit
    const sound = Math.floor((position - head.length) / 64)
    const kept = entries.slice(0, sound)
    expect(decodeJournal(bytes, key)).toEqual({ entries: kept, written: kept, damaged: true })
  })
})

describe('indexes', () => {
  property.prop([fc.uniqueArray(fc.nat(1_000_000), { maxLength: 50 }), fc.nat(1_100_000)])(
    'find the last entry at or below an offset, and the first beyond a position',
    (lastOffsets, wanted) => {
      lastOffsets.sort((a, b) => a - b)
      const index = new OffsetIndex(5000)
      for (const [position, lastOffset] of lastOffsets.entries()) {
        index.append(5000 + lastOffset, position * 100)
      }
      const expected = lastOffsets.findLastIndex(each => 5000 + each <= wanted)
      expect(index.lookup(wanted)).toBe(expected)
      const after = lastOffsets.findIndex((_, each) => each * 100 > wanted)
      expect(index.after(wanted)).toBe(after === -1 ? lastOffsets.length : after)
    }
  )

  property.prop([fc.array(fc.nat(1000), { maxLength: 50 }), fc.nat(1100)])(
    'keep rising timestamps only, and find the last one below another',
    (timestamps, wanted) => {
      const index = new TimeIndex(7)
      for (const [each, timestampMs] of timestamps.entries()) index.append(timestampMs, 7 + each)
      const rising = timestamps.flatMap((timestampMs, each) =>
        timestamps.slice(0, each).every(before => before < timestampMs) ? [[timestampMs, each]] : []
      )
      const entries = Array.from({ length: index.count }, (_, each) => [
        index.timestampAt(each),
        index.offsetAt(each) - 7
      ])
      expect(entries).toEqual(rising)
      expect(index.lookup(wanted)).toBe(rising.findLastIndex(([each]) => each! < wanted))
    }
  )

  property.prop([fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })])(
    'hold every safe integer as an int64',
    value => {
      const bytes = Buffer.alloc(8)
      writeInt64(bytes, value, 0)
      expect(bytes.readBigInt64BE()).toBe(BigInt(value))
      expect(readInt64(bytes, 0)).toBe(value)
    }
  )
})

function epochsOf(...starts: readonly (readonly [epoch: number, start: number])[]): LeaderEpochs {
  const epochs = new LeaderEpochs()
  for (const [leaderEpoch, startOffset] of starts) epochs.assign(leaderEpoch, startOffset)
  return epochs
}

describe('leader epochs', () => {
  test('tell who wrote an offset', () => {
    const epochs = epochsOf([2, 10], [5, 20])
    expect([9, 10, 19, 20, 1000].map(each => epochs.at(each))).toEqual([-1, 2, 2, 5, 5])
    expect(epochs.latest).toBe(5)
  })

  test('that wrote nothing leave no trace', () => {
    expect(epochsOf([1, 0], [2, 10], [3, 10]).starts).toEqual([
      { leaderEpoch: 1, startOffset: 0 },
      { leaderEpoch: 3, startOffset: 10 }
    ])
  })

  test('are cut at both ends', () => {
    const epochs = epochsOf([1, 0], [2, 10], [3, 20])
    epochs.truncate(20)
    expect(epochs.from(0).map(({ leaderEpoch }) => leaderEpoch)).toEqual([1, 2])
    epochs.dropBelow(12)
    expect(epochs.starts).toEqual([{ leaderEpoch: 2, startOffset: 10 }])
    expect(epochs.from(12)).toEqual([{ leaderEpoch: 2, startOffset: 12 }])
    epochs.truncate(0)
    expect(epochs.latest).toBe(-1)
  })
})
