import { expect, test } from 'vitest'
import { GroupPlane } from './group-plane.ts'

test('up to version 2 the outcome of the one member is the answer', async () => {
  for (const version of [0, 1, 2]) {
    const plane = await GroupPlane.open()
    const memberId = await plane.form()
    const leave = async (id: string) =>
      (await plane.ask('LeaveGroup', version, { groupId: 'g', memberId: id })).errorCode
    expect(await leave('nobody')).toBe(25)
    expect(await leave(memberId)).toBe(0)
    expect(await leave(memberId)).toBe(25)
    plane.denied.add('READ GROUP g')
    expect(await leave(memberId)).toBe(30)
  }
})

test('from version 3 on each member has its outcome', async () => {
  for (const version of [3, 4, 5]) {
    const plane = await GroupPlane.open()
    const memberId = await plane.form()
    const members = [{ memberId }, { memberId: 'nobody' }, { memberId: '', groupInstanceId: 'i' }]
    const answer = await plane.ask('LeaveGroup', version, { groupId: 'g', members })
    expect(answer.errorCode).toBe(0)
    expect(answer.members).toEqual([
      { memberId, groupInstanceId: null, errorCode: 0 },
      { memberId: 'nobody', groupInstanceId: null, errorCode: 25 },
      { memberId: '', groupInstanceId: 'i', errorCode: 25 }
    ])
    const nowhere = await plane.ask('LeaveGroup', version, { groupId: 'nowhere', members })
    expect(nowhere.errorCode).toBe(0)
    expect(nowhere.members.map(member => member.errorCode)).toEqual([25, 25, 25])
    const nobody = await plane.ask('LeaveGroup', version, { groupId: 'g', members: [] })
    expect(nobody).toMatchObject({ errorCode: 0, members: [] })
    plane.denied.add('READ GROUP g')
    const denied = await plane.ask('LeaveGroup', version, { groupId: 'g', members })
    expect(denied).toMatchObject({ errorCode: 30, members: [] })
  }
})
