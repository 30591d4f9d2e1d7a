import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane, subscription } from './group-plane.ts'

const versions = ControlPlane.versions('DescribeGroups')

test('every version shows a Stable group with the bytes of its members', async () => {
  const plane = await GroupPlane.open()
  const memberId = await plane.form()
  for (const version of versions) {
    const { groups } = await plane.ask('DescribeGroups', version, {
      groups: ['g'],
      includeAuthorizedOperations: false
    })
    expect(groups).toEqual([
      {
        errorCode: 0,
        errorMessage: null,
        groupId: 'g',
        groupState: 'Stable',
        protocolType: 'consumer',
        protocolData: 'range',
        members: [
          {
            memberId,
            groupInstanceId: null,
            clientId: 'test',
            clientHost: '/127.0.0.1',
            memberMetadata: subscription,
            memberAssignment: Buffer.from('all')
          }
        ],
        authorizedOperations: -2147483648
      }
    ])
  }
})

test('a group that is not there is Dead, and an error from version 6 on', async () => {
  const plane = await GroupPlane.open()
  for (const version of versions) {
    const { groups } = await plane.ask('DescribeGroups', version, {
      groups: ['nobody'],
      includeAuthorizedOperations: false
    })
    const errorCode = version >= 6 ? 69 : 0
    expect(groups).toMatchObject([
      { errorCode, groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
    ])
    expect(groups[0]?.errorMessage === null).toBe(version < 6)
  }
})

test('an Empty group has no members, and one that prepares names no protocol', async () => {
  const plane = await GroupPlane.open()
  const memberId = await plane.form()
  const ask = async () => {
    const request = { groups: ['g'], includeAuthorizedOperations: false }
    return (await plane.ask('DescribeGroups', 5, request)).groups
  }
  const second = plane.join(3)
  const [preparing] = await ask()
  expect(preparing).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
  expect(preparing?.members.map(member => member.memberMetadata.length)).toEqual([0, 0])
  await plane.ask('LeaveGroup', 1, { groupId: 'g', memberId })
  await plane.ask('LeaveGroup', 1, { groupId: 'g', memberId: (await second).memberId })
  expect(await ask()).toMatchObject([
    { groupState: 'Empty', protocolType: 'consumer', protocolData: '', members: [] }
  ])
})

test('groups come in the order of the request, each with its own error', async () => {
  const plane = await GroupPlane.open()
  await plane.form()
  plane.denied.add('DESCRIBE GROUP secret')
  const { groups } = await plane.ask('DescribeGroups', 5, {
    groups: ['secret', 'nobody', 'g'],
    includeAuthorizedOperations: true
  })
  expect(
    groups.map(({ groupId, errorCode, groupState }) => [groupId, errorCode, groupState])
  ).toEqual([
    ['secret', 30, ''],
    ['nobody', 0, 'Dead'],
    ['g', 0, 'Stable']
  ])
})

test('the operations a principal may do are told when they are asked for', async () => {
  const plane = await GroupPlane.open()
  await plane.form()
  const ask = async () => {
    const request = { groups: ['g'], includeAuthorizedOperations: true }
    return (await plane.ask('DescribeGroups', 3, request)).groups[0]?.authorizedOperations
  }
  expect(await ask()).toBe((1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11))
  plane.denied.add('DELETE GROUP g')
  expect(await ask()).toBe((1 << 3) | (1 << 8) | (1 << 10) | (1 << 11))
})
