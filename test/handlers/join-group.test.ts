import { describe, expect, test } from 'vitest'
import { settle } from '../group/fixture.ts'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane, subscription } from './group-plane.ts'

const versions = ControlPlane.versions('JoinGroup')

test('up to version 3 the first JoinGroup makes a member, and the leader sees all', async () => {
  for (const version of [0, 1, 2, 3]) {
    const plane = await GroupPlane.open()
    const answer = await plane.join(version)
    expect(answer).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range' })
    expect(answer.leader).toBe(answer.memberId)
    const { memberId } = answer
    expect(memberId).toMatch(/^test-[0-9a-f-]{36}$/)
    expect(answer.members).toMatchObject([{ memberId, metadata: subscription }])
  }
})

test('from version 4 on a member joins with the id that it was given', async () => {
  for (const version of versions.slice(4)) {
    const plane = await GroupPlane.open()
    const first = await plane.join(version)
    expect(first).toMatchObject({ errorCode: 79, generationId: -1, leader: '', members: [] })
    const second = await plane.join(version, { memberId: first.memberId })
    expect(second).toMatchObject({ errorCode: 0, memberId: first.memberId, generationId: 1 })
    expect(second.protocolType).toBe(version >= 7 ? 'consumer' : null)
  }
})

test('a static member keeps its instance id, and needs no second JoinGroup', async () => {
  const plane = await GroupPlane.open()
  const answer = await plane.join(5, { groupInstanceId: 'i1' })
  expect(answer).toMatchObject({ errorCode: 0, members: [{ groupInstanceId: 'i1' }] })
  expect(answer.memberId).toMatch(/^i1-/)
})

test('a static leader that comes back in version 9 may skip the assignment', async () => {
  const plane = await GroupPlane.open()
  const first = await plane.join(9, { groupInstanceId: 'i1' })
  await plane.ask('SyncGroup', 5, {
    groupId: 'g',
    generationId: 1,
    memberId: first.memberId,
    groupInstanceId: 'i1',
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: []
  })
  const again = await plane.join(9, { groupInstanceId: 'i1' })
  expect(again).toMatchObject({ errorCode: 0, skipAssignment: true, generationId: 1 })
  expect(again.leader).toBe(again.memberId)
})

test('version 0 knows no rebalance timeout: the session timeout counts', async () => {
  const plane = await GroupPlane.open()
  const { memberId } = await plane.join(0, { sessionTimeoutMs: 10_000 })
  const second = plane.join(0)
  await settle()
  await plane.advance(9_999)
  const beat = { groupId: 'g', generationId: 1, memberId }
  expect((await plane.ask('Heartbeat', 0, beat)).errorCode).toBe(27)
  await plane.advance(1)
  expect((await second).generationId).toBe(2)
})

describe('a refusal', () => {
  test('names no protocol: with an empty string up to version 6, with null later', async () => {
    for (const version of versions) {
      const plane = await GroupPlane.open()
      const answer = await plane.join(version, { memberId: 'nobody' })
      const protocolName = version >= 7 ? null : ''
      expect(answer).toMatchObject({ errorCode: 25, memberId: 'nobody', protocolName, leader: '' })
    }
  })

  test('of a principal that may not READ the group is GROUP_AUTHORIZATION_FAILED', async () => {
    for (const version of versions) {
      const plane = await GroupPlane.open()
      plane.denied.add('READ GROUP g')
      expect(await plane.join(version)).toMatchObject({ errorCode: 30, memberId: '', members: [] })
    }
  })

  test('of a session timeout out of bounds is INVALID_SESSION_TIMEOUT', async () => {
    const plane = await GroupPlane.open()
    expect((await plane.join(5, { sessionTimeoutMs: 1 })).errorCode).toBe(26)
  })

  test('of a member without protocols is INCONSISTENT_GROUP_PROTOCOL', async () => {
    const plane = await GroupPlane.open()
    expect((await plane.join(5, { protocols: [] })).errorCode).toBe(23)
  })
})
