import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import {
  ProducerState,
  rememberedBatchesMax,
  sequenceMax
} from '../../src/storage/producer-state.ts'
import type { SequencedBatch, TransactionMarker } from '../../src/storage/producer-state.ts'

const dayMs = 86_400_000

function producerState(options: { expirationMs?: number; countMax?: number } = {}): ProducerState {
  return new ProducerState({
    producerIdExpirationMs: options.expirationMs ?? dayMs,
    producerCountMax: options.countMax ?? 100
  })
}

interface Sent {
  id?: number
  epoch?: number
  sequence?: number
  count?: number
  offset?: number
  txn?: boolean
}

function batch(sent: Sent): SequencedBatch {
  const { id = 1, epoch = 0, sequence = 0, count = 1, offset = 0, txn = false } = sent
  return {
    producerId: id,
    producerEpoch: epoch,
    baseSequence: sequence,
    lastSequence: sequence === -1 ? -1 : (sequence + count - 1) % (sequenceMax + 1),
    baseOffset: offset,
    lastOffset: offset + count - 1,
    maxTimestampMs: 0,
    logAppendTimeMs: -1,
    isTransactional: txn
  }
}

function marker(sent: Partial<TransactionMarker>): TransactionMarker {
  return {
    producerId: 1,
    producerEpoch: 0,
    coordinatorEpoch: 0,
    type: 'commit',
    offset: 0,
    timestampMs: 0,
    ...sent
  }
}

function refusal(state: ProducerState, sent: Sent, nowMs = 0): string | null {
  const checked = state.check(batch(sent), nowMs)
  return checked.ok ? null : checked.error
}

test('a producer without state may begin at any sequence', () => {
  const state = producerState()
  expect(state.check(batch({ sequence: 17 }), 0)).toEqual({ ok: true, value: null })
})

test('a gap in the sequence is OUT_OF_ORDER_SEQUENCE_NUMBER, the next number is accepted', () => {
  const state = producerState()
  state.append(batch({ sequence: 0, count: 3 }), 0)
  expect(refusal(state, { sequence: 4 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { sequence: 2 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { sequence: 3 })).toBe(null)
})

test('a repetition of the last five batches is a duplicate with its first offsets', () => {
  const state = producerState()
  for (let n = 0; n < 7; n++) {
    state.append({ ...batch({ sequence: n * 2, count: 2, offset: n * 10 }), logAppendTimeMs: n }, 0)
  }
  for (let n = 2; n < 7; n++) {
    expect(state.check(batch({ sequence: n * 2, count: 2 }), 0)).toEqual({
      ok: true,
      value: {
        baseSequence: n * 2,
        lastSequence: n * 2 + 1,
        baseOffset: n * 10,
        lastOffset: n * 10 + 1,
        logAppendTimeMs: n
      }
    })
  }
  expect(refusal(state, { sequence: 2, count: 2 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { sequence: 12, count: 1 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
})

test('the sequence wraps from 2147483647 to 0, also within a batch', () => {
  const state = producerState()
  state.append(batch({ sequence: sequenceMax }), 0)
  expect(refusal(state, { sequence: 1 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { sequence: 0 })).toBe(null)

  const within = producerState()
  const wrapping = batch({ sequence: sequenceMax - 1, count: 5 })
  expect(wrapping.lastSequence).toBe(2)
  within.append(wrapping, 0)
  expect(within.check(wrapping, 0)).toMatchObject({ ok: true, value: { lastSequence: 2 } })
  expect(refusal(within, { sequence: 3 })).toBe(null)
})

test('a new epoch must begin at sequence 0 and forgets the batches of the old one', () => {
  const state = producerState()
  state.append(batch({ sequence: 0, count: 5 }), 0)
  expect(refusal(state, { epoch: 1, sequence: 5 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { epoch: 1, sequence: 0 })).toBe(null)
  state.append(batch({ epoch: 1, sequence: 0, offset: 5 }), 0)
  expect(refusal(state, { epoch: 0, sequence: 5 })).toBe('INVALID_PRODUCER_EPOCH')
  expect(refusal(state, { epoch: 0, sequence: 0, count: 5 })).toBe('INVALID_PRODUCER_EPOCH')
})

test('a batch that was undone is no duplicate when it comes again', () => {
  const state = producerState()
  state.append(batch({ sequence: 0 }), 0)
  const before = state.producer(1)
  const applied = state.append(batch({ sequence: 1, offset: 1 }), 0)
  const next = state.append(batch({ sequence: 2, offset: 2 }), 0)
  state.undo(next)
  state.undo(applied)
  expect(state.producer(1)).toBe(before)
  expect(state.check(batch({ sequence: 1 }), 0)).toEqual({ ok: true, value: null })

  const first = state.append(batch({ id: 2, sequence: 9 }), 0)
  state.undo(first)
  expect(state.producer(2)).toBeUndefined()
})

test('a producer that is idle for longer than producer.id.expiration.ms is forgotten', () => {
  const state = producerState({ expirationMs: 1000 })
  state.append(batch({ id: 1 }), 0)
  state.append(batch({ id: 2 }), 500)
  state.append(batch({ id: 1, sequence: 1 }), 600)
  state.append(batch({ id: 3 }), 1500)
  expect([...state.producers()].map(each => each.producerId)).toEqual([1, 3])
})

test('a producer that was idle for too long may begin anew, its repetitions are recognised', () => {
  const state = producerState({ expirationMs: 1000 })
  state.append(batch({ epoch: 5, sequence: 7, offset: 3 }), 0)
  const later = { epoch: 5, sequence: 99, offset: 4 }
  expect(refusal(state, later, 999)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { ...later, epoch: 4 }, 999)).toBe('INVALID_PRODUCER_EPOCH')
  expect(state.check(batch({ epoch: 5, sequence: 7 }), 1000)).toMatchObject({
    value: { baseOffset: 3 }
  })
  expect(state.check(batch(later), 1000)).toEqual({ ok: true, value: null })
  expect(state.check(batch({ ...later, epoch: 4 }), 1000)).toEqual({ ok: true, value: null })
  const applied = state.append(batch(later), 1000)
  expect(state.producer(1)?.batches).toMatchObject([{ baseSequence: 99 }])
  expect(refusal(state, { epoch: 5, sequence: 100 }, 1001)).toBe(null)
  state.undo(applied)
  expect(state.producer(1)?.batches).toMatchObject([{ baseSequence: 7 }])
})

test('an open transaction holds its producer, however long it is idle', () => {
  const state = producerState({ expirationMs: 1000 })
  state.append(batch({ txn: true }), 0)
  expect(refusal(state, { txn: true, sequence: 2 }, 5000)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(refusal(state, { txn: true, sequence: 1 }, 5000)).toBe(null)
})

test('beyond the count bound the longest idle producer without transaction leaves', () => {
  const state = producerState({ countMax: 3 })
  state.append(batch({ id: 1, txn: true }), 0)
  for (let id = 2; id <= 5; id++) state.append(batch({ id, offset: id }), id)
  expect([...state.producers()].map(each => each.producerId)).toEqual([1, 4, 5])
  expect(state.firstUnstableOffset).toBe(0)
})

test('INVALID_TXN_STATE: transactional outside of a transaction, or plain inside', () => {
  const state = producerState()
  expect(refusal(state, { txn: true })).toBe('INVALID_TXN_STATE')
  expect(state.check(batch({ txn: true }), 0, true).ok).toBe(true)
  state.append(batch({ txn: true }), 0)
  expect(refusal(state, { txn: true, sequence: 1 })).toBe(null)
  expect(refusal(state, { txn: false, sequence: 1 })).toBe('INVALID_TXN_STATE')
})

test('a marker is refused for a stale producer epoch and a stale coordinator epoch', () => {
  const state = producerState()
  state.append(batch({ epoch: 3, txn: true }), 0)
  expect(state.checkMarker(marker({ producerEpoch: 2 }), 0)).toMatchObject({
    error: 'INVALID_PRODUCER_EPOCH'
  })
  expect(state.checkMarker(marker({ producerEpoch: 3 }), 0).ok).toBe(true)
  expect(state.checkMarker(marker({ producerEpoch: 3 }), 2)).toMatchObject({
    error: 'INVALID_PRODUCER_EPOCH'
  })
  state.complete(marker({ producerEpoch: 3, coordinatorEpoch: 7, offset: 1 }), 0)
  expect(state.checkMarker(marker({ producerEpoch: 4, coordinatorEpoch: 6 }), 2)).toMatchObject({
    error: 'TRANSACTION_COORDINATOR_FENCED'
  })
})

test('a decided transaction stays unstable until the high watermark has passed its marker', () => {
  const state = producerState()
  state.append(batch({ id: 1, offset: 10, txn: true }), 0)
  state.append(batch({ id: 2, offset: 20, txn: true }), 0)
  expect(state.firstUnstableOffset).toBe(10)
  state.complete(marker({ producerId: 1, offset: 30 }), 0)
  state.onHighWatermark(30)
  expect(state.firstUnstableOffset).toBe(10)
  state.onHighWatermark(31)
  expect(state.firstUnstableOffset).toBe(20)
  state.complete(marker({ producerId: 2, offset: 31 }), 0)
  state.onHighWatermark(32)
  expect(state.firstUnstableOffset).toBe(null)
})

test('aborted transactions are listed by first offset for the range that is read', () => {
  const state = producerState()
  state.append(batch({ id: 1, offset: 0, txn: true }), 0)
  state.append(batch({ id: 2, offset: 5, txn: true }), 0)
  state.complete(marker({ producerId: 2, type: 'abort', offset: 8 }), 0)
  state.complete(marker({ producerId: 1, type: 'abort', offset: 9 }), 0)
  state.append(batch({ id: 1, offset: 20, sequence: 1, txn: true }), 0)
  state.complete(marker({ producerId: 1, type: 'abort', offset: 25 }), 0)
  const firsts = (from: number, to: number): number[] =>
    state.abortedTransactions(from, to).map(each => each.firstOffset)
  expect(firsts(0, 30)).toEqual([0, 5, 20])
  expect(firsts(0, 5)).toEqual([0])
  expect(firsts(9, 20)).toEqual([0])
  expect(firsts(10, 20)).toEqual([])
  state.onLogStartOffset(9)
  expect(firsts(0, 30)).toEqual([0, 20])
  state.onLogStartOffset(26)
  expect(firsts(0, 30)).toEqual([])
})

test('undoing a marker opens its transaction again, in the order of first offsets', () => {
  const state = producerState()
  state.append(batch({ id: 1, offset: 0, txn: true }), 0)
  state.append(batch({ id: 2, offset: 5, txn: true }), 0)
  state.undo(state.complete(marker({ producerId: 1, type: 'abort', offset: 8 }), 0))
  expect(state.firstUnstableOffset).toBe(0)
  expect(state.abortedTransactions(0, 10)).toEqual([])
  expect(refusal(state, { id: 1, sequence: 1, txn: true })).toBe(null)
})

/**
 * The rules once more, as naively as they can be told: a list of everything that was ever accepted.
 */
class NaiveProducers {
  readonly #accepted: Required<Sent>[] = []

  decide(sent: Required<Sent>): string | number {
    const own = this.#accepted.filter(each => each.id === sent.id)
    if (own.length === 0) return 'write'
    const epoch = own.at(-1)!.epoch
    if (sent.epoch < epoch) return 'INVALID_PRODUCER_EPOCH'
    if (sent.epoch > epoch) return sent.sequence === 0 ? 'write' : 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    const ofEpoch = own.filter(each => each.epoch === epoch)
    const again = ofEpoch
      .slice(-rememberedBatchesMax)
      .find(each => each.sequence === sent.sequence && each.count === sent.count)
    if (again !== undefined) return again.offset
    const last = ofEpoch.at(-1)!
    const next = (last.sequence + last.count) % (sequenceMax + 1)
    return sent.sequence === next ? 'write' : 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  }

  accept(sent: Required<Sent>): void {
    this.#accepted.push(sent)
  }
}

test('every answer to random batches equals that of a model which remembers everything', () => {
  const step = fc.record({
    id: fc.integer({ min: 1, max: 2 }),
    epoch: fc.integer({ min: 0, max: 2 }),
    sequence: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }) },
      { weight: 1, arbitrary: fc.integer({ min: sequenceMax - 3, max: sequenceMax }) }
    ),
    count: fc.integer({ min: 1, max: 4 }),
    fails: fc.boolean()
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const state = producerState()
      const model = new NaiveProducers()
      let offset = 0
      for (const { fails, ...sent } of steps) {
        const full = { ...sent, offset, txn: false }
        const checked = state.check(batch(full), 0)
        const answer = checked.ok ? (checked.value?.baseOffset ?? 'write') : checked.error
        expect(answer).toBe(model.decide(full))
        if (answer !== 'write') continue
        const applied = state.append(batch(full), 0)
        if (fails) state.undo(applied)
        else {
          model.accept(full)
          offset += full.count
        }
      }
    }),
    { numRuns: 300 }
  )
})
