import type { Conversation } from '../talk.ts'

export const classicGroup: Conversation = {
  name: 'classic-group',
  async run(talk) {
    const a = talk.connect('a')
    const b = talk.connect('b')
    const groupId = await talk.group('g')
    const join = {
      groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }]
    }
    const first = await a.ask('JoinGroup', 2, join)
    await a.ask('SyncGroup', 1, {
      groupId,
      generationId: first.generationId,
      memberId: first.memberId,
      assignments: [{ memberId: first.memberId, assignment: Buffer.from('x') }]
    })
    const second = b.ask('JoinGroup', 2, join, 'second member')
    await talk.noteWaiting('the second member waits', second)
    await a.ask('Heartbeat', 2, { groupId, generationId: 1, memberId: first.memberId })
    await a.ask('JoinGroup', 2, { ...join, memberId: first.memberId }, 'again')
    await second
    await b.ask('LeaveGroup', 2, { groupId, memberId: (await second).memberId })
  }
}
