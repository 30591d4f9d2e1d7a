import { expect, test } from 'vitest'
import { failure } from '../../src/base/result.ts'
import { errorCode } from '../../src/wire/generated/errors.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import { DataPlane } from './data-plane.ts'

const idempotent = { transactionalId: null, transactionTimeoutMs: -1 }

function failed(error: ErrorName): object {
  return { errorCode: errorCode(error), producerId: -1, producerEpoch: -1 }
}

test('every version gives a new id with epoch 0, whatever the timeout', async () => {
  const plane = new DataPlane()
  const ids: number[] = []
  for (let version = 0; version <= 5; version++) {
    const answer = await plane.call('InitProducerId', version, idempotent)
    expect(answer).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    ids.push(answer.producerId)
  }
  expect(new Set(ids).size).toBe(6)
})

test('a producer that names its id and epoch gets a new id, half of it an error', async () => {
  const plane = new DataPlane()
  const named = { ...idempotent, producerId: 5, producerEpoch: 3 }
  expect(await plane.call('InitProducerId', 3, named)).toMatchObject({
    errorCode: 0,
    producerId: 1_000,
    producerEpoch: 0
  })
  for (const half of [{ producerId: 5 }, { producerEpoch: 3 }]) {
    expect(await plane.call('InitProducerId', 3, { ...idempotent, ...half })).toMatchObject(
      failed('INVALID_REQUEST')
    )
  }
})

test('a transactional id is refused so that clients give up', async () => {
  const plane = new DataPlane()
  const ask = (transactionalId: string): Promise<object> =>
    plane.call('InitProducerId', 4, { transactionalId, transactionTimeoutMs: 60_000 })
  expect(await ask('')).toMatchObject(failed('INVALID_REQUEST'))
  expect(await ask('payments')).toMatchObject(failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
})

test('without IDEMPOTENT_WRITE it is CLUSTER_AUTHORIZATION_FAILED', async () => {
  const plane = new DataPlane()
  plane.denied.add('IDEMPOTENT_WRITE CLUSTER kafka-cluster')
  expect(await plane.call('InitProducerId', 4, idempotent)).toMatchObject(
    failed('CLUSTER_AUTHORIZATION_FAILED')
  )
})

test('an id that cannot be made durable is the error of the cluster', async () => {
  const plane = new DataPlane()
  plane.nextProducerId = () => Promise.resolve(failure('KAFKA_STORAGE_ERROR'))
  expect(await plane.call('InitProducerId', 4, idempotent)).toMatchObject(
    failed('KAFKA_STORAGE_ERROR')
  )
})
