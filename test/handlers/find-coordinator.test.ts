import { describe, expect, test } from 'vitest'
import { consumerOffsetsTopic } from '../../src/cluster/topic-name.ts'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

const here = { nodeId: 1, host: 'broker.test', port: 9092 }
const nowhere = { nodeId: -1, host: '', port: -1 }

test('every version names this broker, and the offsets topic is there when it does', async () => {
  for (const version of ControlPlane.versions('FindCoordinator')) {
    const plane = await GroupPlane.open()
    const keys = version >= 4 ? { coordinatorKeys: ['g', 'h'] } : { key: 'g' }
    const answer = await plane.ask('FindCoordinator', version, keys)
    const named = version >= 4 ? answer.coordinators : [answer]
    expect(named).toMatchObject(named.map(() => ({ ...here, errorCode: 0 })))
    expect(named).toHaveLength(version >= 4 ? 2 : 1)
    expect(plane.cluster.topic(consumerOffsetsTopic)?.partitions).toHaveLength(3)
  }
})

test('version 4 answers key by key', async () => {
  const plane = await GroupPlane.open()
  plane.denied.add('DESCRIBE GROUP h')
  const answer = await plane.ask('FindCoordinator', 4, { coordinatorKeys: ['h', 'g'] })
  expect(answer.coordinators).toMatchObject([
    { key: 'h', errorCode: 30, ...nowhere },
    { key: 'g', errorCode: 0, ...here }
  ])
})

test('COORDINATOR_NOT_AVAILABLE says that the offsets topic cannot be made just now', async () => {
  const plane = await GroupPlane.open()
  plane.disk.full = true
  expect(await plane.ask('FindCoordinator', 2, { key: 'g' })).toMatchObject({
    errorCode: 15,
    ...nowhere
  })
  expect(await plane.ask('FindCoordinator', 2, { key: 'g' })).toMatchObject({
    errorCode: 0,
    ...here
  })
})

describe('other kinds of keys', () => {
  test('a transactional id is led to this broker, where InitProducerId says the rest', async () => {
    const plane = await GroupPlane.open()
    const request = { key: 'tx', keyType: 1 }
    expect(await plane.ask('FindCoordinator', 1, request)).toMatchObject({ errorCode: 0, ...here })
    expect(plane.cluster.topic(consumerOffsetsTopic)).toBeUndefined()
    plane.denied.add('DESCRIBE TRANSACTIONAL_ID')
    const denied = await plane.ask('FindCoordinator', 1, request)
    expect(denied).toMatchObject({ errorCode: 53, ...nowhere })
  })

  test.each([2, 9])('key type %i is INVALID_REQUEST: there are no share groups', async keyType => {
    const plane = await GroupPlane.open()
    const answer = await plane.ask('FindCoordinator', 6, { keyType, coordinatorKeys: ['g:t:0'] })
    expect(answer.coordinators).toMatchObject([{ errorCode: 42, ...nowhere }])
  })
})
