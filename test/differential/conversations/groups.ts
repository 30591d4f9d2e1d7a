import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, sync } from './join-group.ts'

/** DescribeGroups, ListGroups and DeleteGroups. */
export const groups: Conversation = {
  name: 'groups',
  async run(talk) {
    const client = talk.connect('member')
    const topic = await talk.topic('a')
    const stable = await talk.group('stable')
    const waiting = await talk.group('waiting')
    const simple = await talk.group('simple')
    const empty = await talk.group('empty')
    const connect = await talk.group('connect')
    const nowhere = await talk.group('nowhere')
    const member = await join(client, 5, stable, 'stable')
    await sync(client, 3, stable, member, 'stable')
    await join(client, 5, waiting, 'waiting')
    const worker = await join(client, 5, connect, 'connect', { protocolType: 'connect' })
    await sync(client, 3, connect, worker, 'connect')
    const gone = await join(client, 5, empty, 'empty')
    await client.ask('LeaveGroup', 1, { groupId: empty, memberId: gone.memberId }, 'empty')
    const commit = {
      memberId: '',
      topics: [
        {
          name: topic.name,
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
        }
      ]
    }
    await client.ask('OffsetCommit', 5, { groupId: simple, ...commit }, 'simple')

    for (const version of versions('DescribeGroups')) {
      const ask = (note: string, ids: readonly string[], includeAuthorizedOperations = false) =>
        client.attempt(
          'DescribeGroups',
          version,
          { groups: ids, ...(includeAuthorizedOperations ? { includeAuthorizedOperations } : {}) },
          note
        )
      await ask('all states', [stable, waiting, simple, empty, connect])
      await ask('not there', [nowhere])
      await ask('without id', [''])
      await ask('none', [])
      await ask('one twice', [stable, stable])
      await ask('good and bad', [nowhere, stable, ''])
      await ask('with rights', [stable, nowhere], true)
    }
    for (const version of versions('ListGroups')) {
      await client.ask('ListGroups', version, {}, 'all')
      for (const state of [
        'Stable',
        'stable',
        'STABLE',
        'Empty',
        'CompletingRebalance',
        'PreparingRebalance',
        'Dead',
        'Nonsense',
        '',
        'Assigning',
        'Unknown'
      ])
        await client.attempt(
          'ListGroups',
          version,
          { statesFilter: [state] },
          `in state '${state}'`
        )
      await client.attempt(
        'ListGroups',
        version,
        { statesFilter: ['Stable', 'Empty'] },
        'in two states'
      )
      await client.attempt(
        'ListGroups',
        version,
        { statesFilter: ['Stable', 'Nonsense'] },
        'in a state that is and one that is not'
      )
      for (const type of [
        'classic',
        'Classic',
        'CLASSIC',
        'consumer',
        'share',
        'streams',
        'nonsense',
        '',
        'unknown'
      ])
        await client.attempt(
          'ListGroups',
          version,
          { statesFilter: [], typesFilter: [type] },
          `of type '${type}'`
        )
      await client.attempt(
        'ListGroups',
        version,
        { statesFilter: ['Stable'], typesFilter: ['classic'] },
        'of a type and in a state'
      )
      await client.attempt(
        'ListGroups',
        version,
        { statesFilter: ['Stable'], typesFilter: ['consumer'] },
        'of another type and in a state'
      )
    }
    for (const version of versions('DeleteGroups')) {
      const victim = await talk.group(`victim-v${version}`)
      await talk.setup.ask('OffsetCommit', 5, { groupId: victim, ...commit })
      const ask = (note: string, ids: readonly string[]) =>
        client.attempt('DeleteGroups', version, { groupsNames: ids }, note)
      await ask('with members', [stable, waiting, connect])
      await ask('not there', [nowhere])
      await ask('without id', [''])
      await ask('none', [])
      await ask('one with offsets', [victim])
      await ask('one that is gone', [victim])
      await client.ask(
        'OffsetFetch',
        7,
        { groupId: victim, topics: null },
        `after delete v${version}`
      )
      await client.ask('DescribeGroups', 5, { groups: [victim] }, `after delete v${version}`)
      const anew = await talk.group(`anew-v${version}`)
      await talk.setup.ask('OffsetCommit', 5, { groupId: anew, ...commit })
      await ask('good and bad', [nowhere, stable, anew, ''])
      const twice = await talk.group(`twice-v${version}`)
      await talk.setup.ask('OffsetCommit', 5, { groupId: twice, ...commit })
      await ask('one twice', [twice, twice])
    }
    await client.ask('DeleteGroups', 2, { groupsNames: [empty, simple] }, 'the empty ones')
    await client.ask('ListGroups', 5, {}, 'what is left')
    await talk.setup.ask('DeleteTopics', 3, { topicNames: [topic.name], timeoutMs: 10_000 })
  }
}
