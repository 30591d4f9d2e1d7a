import type { Conversation, Request, Talk } from '../talk.ts'

type Beat = Request<'StreamsGroupHeartbeat'>
type Topology = NonNullable<Beat['topology']>
type Subtopology = Topology['subtopologies'][number]

/** What reads one topic and counts. */
function topologyOf(
  sourceTopics: readonly string[],
  more: Partial<Subtopology> = {},
  epoch = 0
): Topology {
  return {
    epoch,
    subtopologies: [
      {
        subtopologyId: '0',
        sourceTopics,
        sourceTopicRegex: [],
        stateChangelogTopics: [],
        repartitionSinkTopics: [],
        repartitionSourceTopics: [],
        copartitionGroups: [],
        ...more
      }
    ]
  }
}

function joining(
  groupId: string,
  memberId: string,
  topology: Topology | null,
  more: Partial<Beat> = {}
): Beat {
  return {
    groupId,
    memberId,
    memberEpoch: 0,
    endpointInformationEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 60_000,
    topology,
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: [],
    processId: 'process',
    userEndpoint: null,
    clientTags: [],
    taskOffsets: null,
    taskEndOffsets: null,
    ...more
  }
}

function beating(
  groupId: string,
  memberId: string,
  memberEpoch: number,
  more: Partial<Beat> = {}
): Beat {
  return {
    groupId,
    memberId,
    memberEpoch,
    endpointInformationEpoch: 0,
    instanceId: null,
    rackId: null,
    topology: null,
    activeTasks: null,
    standbyTasks: null,
    warmupTasks: null,
    processId: null,
    userEndpoint: null,
    clientTags: null,
    taskOffsets: null,
    taskEndOffsets: null,
    ...more
  }
}

export const streamsGroups: Conversation = {
  name: 'streams-groups',
  needs: ['StreamsGroupHeartbeat', 'StreamsGroupDescribe'],
  async run(talk) {
    const { name } = await talk.topic('a', { partitions: 2 })
    await refusals(talk, name)
    await members(talk, name)
    await topologies(talk, name)
  }
}

async function refusals(talk: Talk, name: string): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group('refusals')
  const beat = (note: string, request: Beat) =>
    client.attempt('StreamsGroupHeartbeat', 0, request, note)
  const topology = topologyOf([name])
  await beat('a group without id', joining('', 'm', topology))
  await beat('no member id', joining(groupId, '', topology))
  await beat('no topology', joining(groupId, 'm', null))
  await beat('no process', joining(groupId, 'm', topology, { processId: null }))
  await beat('no tasks', joining(groupId, 'm', topology, { activeTasks: null }))
  await beat(
    'tasks of its own',
    joining(groupId, 'm', topology, { activeTasks: [{ subtopologyId: '0', partitions: [0] }] })
  )
  for (const rebalanceTimeoutMs of [-1, 0])
    await beat(
      `time-out ${rebalanceTimeoutMs}`,
      joining(groupId, 'm', topology, { rebalanceTimeoutMs })
    )
  await beat('an instance of no name', joining(groupId, 'm', topology, { instanceId: '' }))
  await beat('a rack of no name', joining(groupId, 'm', topology, { rackId: '' }))
  await beat('a topology of another epoch', joining(groupId, 'm', topologyOf([name], {}, 5)))
  await beat(
    'a topology that reads a pattern',
    joining(groupId, 'm', topologyOf([], { sourceTopicRegex: ['('] }))
  )
  for (const memberEpoch of [1, -1, -2, -3])
    await beat(`epoch ${memberEpoch} in no group`, beating(`${groupId}-none`, 'm', memberEpoch))
}

async function members(talk: Talk, name: string): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group('members')
  const beat = (note: string, request: Beat) =>
    client.attempt('StreamsGroupHeartbeat', 0, request, note)
  const topology = topologyOf([name])
  const first = await beat('the first', joining(groupId, 'a', topology))
  const activeTasks = first?.activeTasks ?? []
  const own = { activeTasks, standbyTasks: [], warmupTasks: [] }
  const epoch = first?.memberEpoch ?? 0
  await beat('the first goes on', beating(groupId, 'a', epoch, own))
  await beat('an older epoch', beating(groupId, 'a', epoch - 1))
  await beat('a newer epoch', beating(groupId, 'a', epoch + 1))
  await beat('of nobody', beating(groupId, 'x', epoch))
  await beat('another topology', joining(groupId, 'b', topologyOf([name], { subtopologyId: '1' })))
  await beat('a newer topology', joining(groupId, 'b', topologyOf([name], {}, 1)))
  await beat(
    'an endpoint',
    joining(groupId, 'b', topology, {
      userEndpoint: { host: 'localhost', port: 80 },
      processId: 'other'
    })
  )
  const describe = (note: string, ...groupIds: readonly string[]) =>
    client.attempt('StreamsGroupDescribe', 0, { groupIds, includeAuthorizedOperations: true }, note)
  await describe('two', groupId)
  await describe('not there', await talk.group('nothing'))
  await describe('without id', '')
  await describe('none')
  await talk.setup.ask('StreamsGroupHeartbeat', 0, joining(groupId, 'c', topology))
  await beat('one too many', joining(groupId, 'd', topology))
  await client.attempt('DeleteGroups', 2, { groupsNames: [groupId] }, 'with members')
  await beat('the second leaves', beating(groupId, 'b', -1))
  await beat('the second leaves again', beating(groupId, 'b', -1))
  await beat('all shall end', beating(groupId, 'a', epoch, { shutdownApplication: true }))
  const modern = await talk.group('consumers')
  const consumer = {
    groupId: modern,
    memberId: 'm',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1_000,
    subscribedTopicNames: [name],
    topicPartitions: []
  }
  await talk.setup.ask('ConsumerGroupHeartbeat', 1, consumer)
  await beat('into a group of consumers', joining(modern, 'a', topology))
  await client.attempt(
    'ConsumerGroupHeartbeat',
    1,
    { ...consumer, groupId },
    'into a streams group'
  )
  await describe('a group of consumers', modern)
}

async function topologies(talk: Talk, name: string): Promise<void> {
  const client = talk.connect()
  const beat = async (note: string, topology: Topology) =>
    client.attempt(
      'StreamsGroupHeartbeat',
      0,
      joining(await talk.group(note.replaceAll(' ', '-')), 'm', topology),
      note
    )
  await beat('a topic that is not there', topologyOf([talk.name('nowhere')]))
  const repartition = {
    name: talk.name('repartition'),
    partitions: 0,
    replicationFactor: 1,
    topicConfigs: []
  }
  const changelog = {
    name: talk.name('changelog'),
    partitions: 0,
    replicationFactor: 1,
    topicConfigs: []
  }
  await beat('topics to be made', topologyOf([name], { stateChangelogTopics: [changelog] }))
  await beat(
    'a repartition topic that nobody writes',
    topologyOf([name], { repartitionSourceTopics: [repartition] })
  )
  await beat(
    'a copartition of what is not there',
    topologyOf([name], {
      copartitionGroups: [{ sourceTopics: [5], sourceTopicRegex: [], repartitionSourceTopics: [] }]
    })
  )
  const wide = await talk.topic('wide', { partitions: 3 })
  await beat(
    'a copartition of different sizes',
    topologyOf([name, wide.name], {
      copartitionGroups: [
        { sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }
      ]
    })
  )
}
