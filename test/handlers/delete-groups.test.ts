import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

test('every version deletes groups without members and says why not of the others', async () => {
  for (const version of ControlPlane.versions('DeleteGroups')) {
    const plane = await GroupPlane.open()
    await plane.form('busy')
    const memberId = await plane.form('done')
    await plane.ask('LeaveGroup', 1, { groupId: 'done', memberId })
    plane.denied.add('DELETE GROUP secret')
    const groupsNames = ['busy', 'secret', 'nobody', 'done', 'done']
    const { results } = await plane.ask('DeleteGroups', version, { groupsNames })
    expect(results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['busy', 68],
      ['secret', 30],
      ['nobody', 69],
      ['done', 0]
    ])
    const { groups } = await plane.ask('ListGroups', 0, {})
    expect(groups.map(({ groupId }) => groupId)).toEqual(['busy'])
  }
})
