import { expect, test } from 'vitest'
import { failure, success } from '../../src/base/result.ts'
import { loadMachine } from '../../src/coordinator/loader.ts'
import { CounterMachine, decodeCounter } from './counter-machine.ts'

type Load = Parameters<typeof loadMachine<unknown, unknown, unknown, string>>[0]
type OnBatch = Parameters<Load['replay']>[0]
type Batch = Parameters<OnBatch>[1]

const plain: Batch = {
  baseOffset: 0,
  lastOffset: 0,
  producerId: -1,
  producerEpoch: -1,
  isTransactional: false,
  isControl: false
}

function recordsOf(...pairs: readonly (readonly [key: string | null, value: string | null])[]) {
  return pairs.map(([key, value], offset) => ({
    offset,
    offsetDelta: offset,
    timestampMs: 0,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: []
  }))
}

test('records are replayed in order, tombstones too, without those of others', async () => {
  const machine = new CounterMachine()
  const loaded = await loadMachine(
    {
      replay(onBatch) {
        onBatch(recordsOf(['a', '1'], ['b', '2'], ['#c', '3'], [null, '4']), plain)
        onBatch(recordsOf(['a', '5'], ['b', null]), plain)
        return Promise.resolve(success(undefined))
      }
    },
    decodeCounter,
    machine
  )
  expect(loaded.ok).toBe(true)
  expect([...machine.sums]).toEqual([['a', 5]])
})

test('what a transaction has written is no state, and its marker is none either', async () => {
  const machine = new CounterMachine()
  await loadMachine(
    {
      replay(onBatch) {
        const transaction = { ...plain, producerId: 7, producerEpoch: 0, isTransactional: true }
        onBatch(recordsOf(['a', '1']), transaction)
        onBatch(recordsOf(['\0\0\0\x01', '0']), { ...transaction, isControl: true })
        return Promise.resolve(success(undefined))
      }
    },
    decodeCounter,
    machine
  )
  expect(machine.sums.size).toBe(0)
})

test('a log that cannot be read to its end says why', async () => {
  const log = { replay: () => Promise.resolve(failure('CORRUPT_MESSAGE', 'at offset 4')) }
  const loaded = await loadMachine(log, decodeCounter, new CounterMachine())
  expect(loaded).toEqual({ ok: false, error: 'CORRUPT_MESSAGE', detail: 'at offset 4' })
})
