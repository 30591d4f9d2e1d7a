import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'

export const findCoordinator: Conversation = {
  name: 'find-coordinator',
  async run(talk) {
    const client = talk.connect()
    const groupId = await talk.group('g')
    const shared = `${groupId}:AAAAAAAAAAAAAAAAAAAAAg:0`
    const others = [
      { keyType: 1, coordinatorKeys: [groupId] },
      { keyType: 2, coordinatorKeys: [shared] }
    ]
    for (const asked of others)
      await talk.until(`a coordinator of type ${asked.keyType} is there`, async () => {
        const { coordinators } = await talk.setup.ask('FindCoordinator', 6, asked)
        // COORDINATOR_NOT_AVAILABLE passes; what is not served yet stays an error.
        return coordinators[0]!.errorCode !== 15
      })
    for (const version of versions('FindCoordinator')) {
      const ask = (note: string, keyType: number, ...keys: readonly string[]) =>
        client.attempt(
          'FindCoordinator',
          version,
          {
            ...(version < 4 ? { key: keys[0]! } : { coordinatorKeys: keys }),
            ...(version >= 1 ? { keyType } : {})
          },
          note
        )
      await ask('of a group', 0, groupId)
      await ask('of a group without id', 0, '')
      if (version >= 1) {
        await ask('of a transaction', 1, talk.name('t'))
        await ask('of a transaction without id', 1, '')
        for (const keyType of [2, 3, -1, 127]) await ask(`of type ${keyType}`, keyType, 'x')
        await ask('of a share group', 2, shared)
        for (const key of [
          '',
          ':',
          'a:b:c',
          `${groupId}:x:0`,
          `${groupId}:AAAAAAAAAAAAAAAAAAAAAg:x`,
          'a:AAAAAAAAAAAAAAAAAAAAAg:-1',
          `:AAAAAAAAAAAAAAAAAAAAAg:0`
        ])
          await ask(`of the share group '${key.replace(groupId, 'g')}'`, 2, key)
      }
      if (version >= 4) {
        await ask('of none', 0)
        await ask('of several groups', 0, groupId, 'x', '', groupId)
        await ask('of several transactions', 1, 'a', 'b')
        await ask('of several of a type that there is not', 9, 'a', 'b')
      }
    }
  }
}
