import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

async function planeWithGroups(): Promise<GroupPlane> {
  const plane = await GroupPlane.open()
  await plane.form('busy')
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }]
  const topics = [{ name: 'orders', partitions }]
  await plane.ask('OffsetCommit', 8, { groupId: 'simple', memberId: '', topics })
  return plane
}

test('every version lists groups of members and groups of nothing but offsets', async () => {
  const plane = await planeWithGroups()
  for (const version of ControlPlane.versions('ListGroups')) {
    const answer = await plane.ask('ListGroups', version, {})
    const groupType = version >= 5 ? 'classic' : ''
    const state = (name: string): string => (version >= 4 ? name : '')
    expect(answer.errorCode).toBe(0)
    const groups = [...answer.groups].sort((a, b) => a.groupId.localeCompare(b.groupId))
    expect(groups).toEqual([
      { groupId: 'busy', protocolType: 'consumer', groupState: state('Stable'), groupType },
      { groupId: 'simple', protocolType: '', groupState: state('Empty'), groupType }
    ])
  }
})

test.each([
  [{ statesFilter: ['stable'] }, ['busy']],
  [{ statesFilter: ['EMPTY', 'Dead'] }, ['simple']],
  [{ statesFilter: ['nonsense'] }, []],
  [{ typesFilter: ['Classic'] }, ['busy', 'simple']],
  [{ typesFilter: ['consumer'] }, []],
  [{ statesFilter: ['Stable'], typesFilter: ['classic', 'share'] }, ['busy']]
])('%j selects %j', async (filters, expected) => {
  const plane = await planeWithGroups()
  const { groups } = await plane.ask('ListGroups', 5, filters)
  expect(groups.map(({ groupId }) => groupId).sort()).toEqual(expected)
})

test('before there ever was a group, nothing is listed and no topic is made', async () => {
  const plane = await GroupPlane.open()
  expect(await plane.ask('ListGroups', 4, {})).toMatchObject({ errorCode: 0, groups: [] })
  expect([...plane.cluster.topics()].map(({ name }) => name)).toEqual(['orders', 'payments'])
})

test('without DESCRIBE on the cluster, only groups that may be described are listed', async () => {
  const plane = await planeWithGroups()
  plane.denied.add('DESCRIBE GROUP simple')
  expect((await plane.ask('ListGroups', 0, {})).groups).toHaveLength(2)
  plane.denied.add('DESCRIBE CLUSTER')
  const { groups } = await plane.ask('ListGroups', 0, {})
  expect(groups.map(({ groupId }) => groupId)).toEqual(['busy'])
})
