import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

test('every version tells a member whether it is in the present generation', async () => {
  for (const version of ControlPlane.versions('Heartbeat')) {
    const plane = await GroupPlane.open()
    const memberId = await plane.form()
    const beat = { groupId: 'g', generationId: 1, memberId }
    expect(await plane.ask('Heartbeat', version, beat)).toEqual({ throttleTimeMs: 0, errorCode: 0 })
    const ask = async (changed: Partial<typeof beat>) =>
      (await plane.ask('Heartbeat', version, { ...beat, ...changed })).errorCode
    expect(await ask({ generationId: 2 })).toBe(22)
    expect(await ask({ memberId: 'nobody' })).toBe(25)
    expect(await ask({ groupId: 'nowhere' })).toBe(25)
    expect(await ask({ groupId: '' })).toBe(24)
    plane.denied.add('READ GROUP g')
    expect(await ask({})).toBe(30)
  }
})

test('from version 3 on a static member that was replaced is fenced', async () => {
  const plane = await GroupPlane.open()
  const first = await plane.join(5, { groupInstanceId: 'i1' })
  await plane.join(5, { groupInstanceId: 'i1' })
  const beat = { groupId: 'g', generationId: 2, memberId: first.memberId, groupInstanceId: 'i1' }
  expect((await plane.ask('Heartbeat', 3, beat)).errorCode).toBe(82)
})
