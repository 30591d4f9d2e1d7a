import { gzipSync } from 'node:zlib'
import { batchOf, changed, damaged, fieldAt, rawBatch, recordTimeMs } from '../batches.ts'
import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo, readAll } from './produce.ts'

const good = batchOf([
  { key: 'a', value: 'one' },
  { key: 'b', value: 'two' }
])
const single = batchOf([{ key: 'a', value: 'one' }])
const gzip = batchOf([{ key: 'a', value: 'one' }], { compression: 'gzip' })
const snappy = batchOf([{ key: 'a', value: 'one' }], { compression: 'snappy' })
const header = 61

/** Batches that no producer should send, by what is wrong with them. */
const faulty: Readonly<Record<string, Buffer>> = {
  'no bytes': Buffer.alloc(0),
  '11 zero bytes': Buffer.alloc(11),
  '12 zero bytes': Buffer.alloc(12),
  '17 zero bytes': Buffer.alloc(17),
  '60 zero bytes': Buffer.alloc(60),
  '61 zero bytes': Buffer.alloc(61),
  '61 bytes of ones': Buffer.alloc(61, 255),
  'wrong checksum': damaged(good, copy => copy.writeUInt32BE(1, fieldAt.crc)),
  'a damaged value': damaged(good, copy => copy.writeUInt8(0x21, copy.length - 2)),
  'a damaged base offset, which no checksum covers': damaged(good, copy =>
    copy.writeBigInt64BE(5n, fieldAt.baseOffset)
  ),
  'a negative base offset': damaged(good, copy => copy.writeBigInt64BE(-1n, fieldAt.baseOffset)),
  'a leader epoch, which no checksum covers': damaged(good, copy =>
    copy.writeInt32BE(77, fieldAt.partitionLeaderEpoch)
  ),
  'magic 0': changed(good, copy => copy.writeInt8(0, fieldAt.magic)),
  'magic 1': changed(good, copy => copy.writeInt8(1, fieldAt.magic)),
  'magic 3': changed(good, copy => copy.writeInt8(3, fieldAt.magic)),
  'magic -1': changed(good, copy => copy.writeInt8(-1, fieldAt.magic)),
  'magic 127': changed(good, copy => copy.writeInt8(127, fieldAt.magic)),
  'magic 1 and a wrong checksum': damaged(good, copy => {
    copy.writeInt8(1, fieldAt.magic)
    copy.writeUInt32BE(9, fieldAt.crc)
  }),
  'two batches': Buffer.concat([good, single]),
  'two batches, the second of magic 1': Buffer.concat([
    good,
    changed(single, copy => copy.writeInt8(1, fieldAt.magic))
  ]),
  'two batches, the second damaged': Buffer.concat([
    good,
    damaged(single, copy => copy.writeUInt32BE(1, fieldAt.crc))
  ]),
  'half a batch': good.subarray(0, good.length - 5),
  'a header alone': good.subarray(0, header),
  'half a header': good.subarray(0, 30),
  'batchLength 0': damaged(good, copy => copy.writeInt32BE(0, fieldAt.batchLength)),
  'batchLength -1': damaged(good, copy => copy.writeInt32BE(-1, fieldAt.batchLength)),
  'batchLength 13': damaged(good, copy => copy.writeInt32BE(13, fieldAt.batchLength)),
  'batchLength 14': damaged(good, copy => copy.writeInt32BE(14, fieldAt.batchLength)),
  'batchLength 48': damaged(good, copy => copy.writeInt32BE(48, fieldAt.batchLength)),
  'batchLength 49': damaged(good, copy => copy.writeInt32BE(49, fieldAt.batchLength)),
  'batchLength one less': damaged(good, copy =>
    copy.writeInt32BE(good.length - 13, fieldAt.batchLength)
  ),
  'batchLength one more': damaged(good, copy =>
    copy.writeInt32BE(good.length - 11, fieldAt.batchLength)
  ),
  'batchLength of 2 GB': damaged(good, copy =>
    copy.writeInt32BE(2_147_483_647, fieldAt.batchLength)
  ),
  'count one more': changed(good, copy => copy.writeInt32BE(3, fieldAt.recordCount)),
  'count one less': changed(good, copy => copy.writeInt32BE(1, fieldAt.recordCount)),
  'count 0': changed(good, copy => copy.writeInt32BE(0, fieldAt.recordCount)),
  'count -1': changed(good, copy => copy.writeInt32BE(-1, fieldAt.recordCount)),
  'lastOffsetDelta 5': changed(good, copy => copy.writeInt32BE(5, fieldAt.lastOffsetDelta)),
  'lastOffsetDelta 0': changed(good, copy => copy.writeInt32BE(0, fieldAt.lastOffsetDelta)),
  'lastOffsetDelta -1': changed(good, copy => copy.writeInt32BE(-1, fieldAt.lastOffsetDelta)),
  'count and lastOffsetDelta one more': changed(good, copy => {
    copy.writeInt32BE(3, fieldAt.recordCount)
    copy.writeInt32BE(2, fieldAt.lastOffsetDelta)
  }),
  'count and lastOffsetDelta one less': changed(good, copy => {
    copy.writeInt32BE(1, fieldAt.recordCount)
    copy.writeInt32BE(0, fieldAt.lastOffsetDelta)
  }),
  'count 0 and lastOffsetDelta -1': changed(good, copy => {
    copy.writeInt32BE(0, fieldAt.recordCount)
    copy.writeInt32BE(-1, fieldAt.lastOffsetDelta)
  }),
  'an empty batch': batchOf([], { lastOffsetDelta: 0 }),
  'a control batch': batchOf(['x'], { isControl: true }),
  'a transactional control batch': batchOf(['x'], { isControl: true, isTransactional: true }),
  'transactional without producer': batchOf(['x'], { isTransactional: true }),
  'a producer without sequence': batchOf(['x'], { producerId: 4_000_000, producerEpoch: 0 }),
  'a producer without epoch': batchOf(['x'], { producerId: 4_000_000, baseSequence: 0 }),
  'codec 5': changed(good, copy => copy.writeInt16BE(5, fieldAt.attributes)),
  'codec 7': changed(good, copy => copy.writeInt16BE(7, fieldAt.attributes)),
  'unknown attributes': changed(good, copy => copy.writeInt16BE(0x4f80, fieldAt.attributes)),
  'delete horizon': changed(good, copy => copy.writeInt16BE(0x40, fieldAt.attributes)),
  LogAppendTime: batchOf(['x'], { isLogAppendTime: true }),
  'offsets 0 and 2': batchOf(
    [{ value: 'x' }, { value: 'y' }].map((each, index) => ({ ...each, offsetDelta: index * 2 }))
  ),
  'offsets 0 and 2, counted to 1': batchOf(
    [{ value: 'x' }, { value: 'y' }].map((each, index) => ({ ...each, offsetDelta: index * 2 })),
    { lastOffsetDelta: 1 }
  ),
  'offsets 1 and 0': batchOf(
    [{ value: 'x' }, { value: 'y' }].map((each, index) => ({ ...each, offsetDelta: 1 - index })),
    { lastOffsetDelta: 1 }
  ),
  'a record that is too long': rawBatch(Buffer.from([40, 0, 0, 0, 1, 2, 65, 0]), {
    recordCount: 1
  }),
  'a record of negative length': rawBatch(Buffer.from([1, 0, 0, 0, 1, 2, 65, 0]), {
    recordCount: 1
  }),
  'a record too short for its fields': rawBatch(Buffer.from([6, 0, 0, 0]), { recordCount: 1 }),
  'a record with bytes behind it': rawBatch(Buffer.from([14, 0, 0, 0, 1, 2, 65, 0, 99, 99]), {
    recordCount: 1
  }),
  'a header key of negative length': rawBatch(Buffer.from([16, 0, 0, 0, 1, 1, 2, 1, 1]), {
    recordCount: 1
  }),
  'headers that are not there': rawBatch(Buffer.from([12, 0, 0, 0, 1, 1, 20]), { recordCount: 1 }),
  'a negative count of headers': rawBatch(Buffer.from([12, 0, 0, 0, 1, 1, 1]), { recordCount: 1 }),
  'a record length without end': rawBatch(Buffer.alloc(12, 255), { recordCount: 1 }),
  'gzip that is none': rawBatch(Buffer.from('not gzip at all'), {
    recordCount: 1,
    attributes: 1
  }),
  'gzip cut off': changed(gzip.subarray(0, gzip.length - 6), copy =>
    copy.writeInt32BE(copy.length - 12, fieldAt.batchLength)
  ),
  'gzip of nothing': rawBatch(gzipSync(Buffer.alloc(0)), { recordCount: 1, attributes: 1 }),
  'gzip of half a record': rawBatch(gzipSync(Buffer.from([14, 0, 0])), {
    recordCount: 1,
    attributes: 1
  }),
  'gzip, count one more': changed(gzip, copy => {
    copy.writeInt32BE(2, fieldAt.recordCount)
    copy.writeInt32BE(1, fieldAt.lastOffsetDelta)
  }),
  'snappy that is none': rawBatch(Buffer.from('not snappy'), {
    recordCount: 1,
    attributes: 2
  }),
  'snappy cut off': changed(snappy.subarray(0, snappy.length - 3), copy =>
    copy.writeInt32BE(copy.length - 12, fieldAt.batchLength)
  ),
  'a timestamp of the year 2100': batchOf([{ value: 'x', timestampMs: 4_102_444_800_000 }]),
  'timestamps, one of the year 2100': batchOf([
    { value: 'x' },
    { value: 'y', timestampMs: 4_102_444_800_000 },
    { value: 'z', timestampMs: 4_102_444_800_001 }
  ]),
  'timestamp -1': batchOf([{ value: 'x', timestampMs: -1 }]),
  'timestamp -2': batchOf([{ value: 'x', timestampMs: -2 }]),
  'timestamp 0': batchOf([{ value: 'x', timestampMs: 0 }]),
  'a wrong maxTimestamp': changed(good, copy =>
    copy.writeBigInt64BE(BigInt(recordTimeMs + 5), fieldAt.maxTimestamp)
  ),
  'bytes behind the batch': Buffer.concat([good, Buffer.alloc(5, 1)]),
  'zero bytes behind the batch': Buffer.concat([good, Buffer.alloc(40)]),
  'half a batch behind the batch': Buffer.concat([good, single.subarray(0, 40)])
}

export const produceErrors: Conversation = {
  name: 'produce-errors',
  async run(talk) {
    const client = talk.connect()
    const faults = Object.entries(faulty)
    for (const version of [3, 7, 8, 13]) {
      const topic = await talk.topic(`v${version}`, { partitions: faults.length })
      for (const [index, [fault, records]] of faults.entries())
        await client.attempt('Produce', version, produceTo(topic, records, { index }), fault)
      for (const [index, [fault]] of faults.entries())
        if (version === 3 || version === 13)
          await readAll(client, topic, `v${version}, stored for: ${fault}`, index)
    }
    for (const version of versions('Produce')) {
      const topic = await talk.topic(`mixed-v${version}`, { partitions: 3 })
      const partitionData = [
        { index: 0, records: good },
        { index: 1, records: faulty['wrong checksum']! },
        { index: 2, records: faulty['two batches']! },
        { index: 3, records: good }
      ]
      const asked = { acks: -1, timeoutMs: 1_000, topicData: [{ ...topic, partitionData }] }
      await client.ask('Produce', version, asked, 'one good among faulty ones')
      const beyond = produceTo(topic, faulty['wrong checksum']!, { index: 9 })
      await client.ask('Produce', version, beyond, 'damaged, to a partition that is not there')
    }
    const two = await talk.topic('two', { partitions: 2 })
    const short = [good, faulty['12 zero bytes']!]
    const partitionData = short.map((records, index) => ({ index, records }))
    const asked = { acks: -1, timeoutMs: 1_000, topicData: [{ ...two, partitionData }] }
    await client.ask('Produce', 9, asked, 'one good beside 12 zero bytes')
    const topic = await talk.topic('null')
    await client.attempt('Produce', 9, produceTo(topic, null), 'null for records')
  }
}
