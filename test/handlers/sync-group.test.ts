import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

const versions = ControlPlane.versions('SyncGroup')

test('every version hands out what the leader has assigned', async () => {
  for (const version of versions) {
    const plane = await GroupPlane.open()
    const { memberId, generationId } = await plane.join(3)
    const request = {
      groupId: 'g',
      generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from('all') }]
    }
    const answer = await plane.ask('SyncGroup', version, request)
    expect(answer.errorCode).toBe(0)
    expect(answer.assignment.toString()).toBe('all')
    expect(answer.protocolType).toBe(version >= 5 ? 'consumer' : null)
    expect(answer.protocolName).toBe(version >= 5 ? 'range' : null)
  }
})

test('a member that the leader left out gets empty bytes', async () => {
  const plane = await GroupPlane.open()
  const { memberId, generationId } = await plane.join(3)
  const request = { groupId: 'g', generationId, memberId, assignments: [] }
  const answer = await plane.ask('SyncGroup', 1, request)
  expect(answer).toMatchObject({ errorCode: 0, assignment: Buffer.alloc(0) })
})

test('refusals are codes with empty bytes, in every version', async () => {
  for (const version of versions) {
    const plane = await GroupPlane.open()
    const request = {
      groupId: 'g',
      generationId: 1,
      memberId: 'nobody',
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: []
    }
    const unknown = await plane.ask('SyncGroup', version, request)
    expect(unknown).toMatchObject({ errorCode: 25, assignment: Buffer.alloc(0) })
    plane.denied.add('READ GROUP g')
    expect((await plane.ask('SyncGroup', version, request)).errorCode).toBe(30)
  }
})

test('version 5 has to say protocol type and name', async () => {
  const plane = await GroupPlane.open()
  const memberId = await plane.form()
  const request = { groupId: 'g', generationId: 1, memberId, assignments: [] }
  expect((await plane.ask('SyncGroup', 4, request)).errorCode).toBe(0)
  expect((await plane.ask('SyncGroup', 5, request)).errorCode).toBe(23)
  const half = { ...request, protocolType: 'consumer' }
  expect((await plane.ask('SyncGroup', 5, half)).errorCode).toBe(23)
})
