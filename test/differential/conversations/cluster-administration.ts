import { zeroUuid } from '../../../src/wire/uuid.ts'
import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

type Update = Request<'UpdateFeatures'>['featureUpdates'][number]

export const quorum: Conversation = {
  name: 'quorum',
  needs: ['DescribeQuorum'],
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('DescribeQuorum')) {
      const ask = (note: string, topics: Request<'DescribeQuorum'>['topics']) =>
        client.attempt('DescribeQuorum', version, { topics }, note)
      const metadata = { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }
      await ask('of the metadata', [metadata])
      await ask('of nothing', [])
      await ask('of another partition', [{ ...metadata, partitions: [{ partitionIndex: 1 }] }])
      await ask('of another topic', [{ ...metadata, topicName: talk.name('a') }])
      await ask('of two', [metadata, { ...metadata, topicName: talk.name('a') }])
      await ask('of the same twice', [metadata, metadata])
    }
  }
}

export const voters: Conversation = {
  name: 'voters',
  needs: ['AddRaftVoter', 'RemoveRaftVoter', 'UnregisterBroker'],
  async run(talk) {
    const client = talk.connect()
    const { clusterId } = await talk.setup.ask('DescribeCluster', 0, {
      includeClusterAuthorizedOperations: false
    })
    const voterDirectoryId = 'AAAAAAAAAAAAAAAAAAAAAg'
    const listeners = [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9 }]
    for (const version of versions('AddRaftVoter')) {
      const ask = (note: string, more: Partial<Request<'AddRaftVoter'>> = {}) =>
        client.attempt(
          'AddRaftVoter',
          version,
          { clusterId, timeoutMs: 1_000, voterId: 7, voterDirectoryId, listeners, ...more },
          note
        )
      await ask('another')
      await ask('of another cluster', { clusterId: 'another' })
      await ask('below zero', { voterId: -1 })
      await ask('without listeners', { listeners: [] })
      await ask('without a directory', { voterDirectoryId: zeroUuid })
    }
    const remove = (note: string, more: Partial<Request<'RemoveRaftVoter'>> = {}) =>
      client.attempt(
        'RemoveRaftVoter',
        0,
        { clusterId, voterId: 7, voterDirectoryId, ...more },
        note
      )
    await remove('another')
    await remove('of another cluster', { clusterId: 'another' })
    await remove('below zero', { voterId: -1 })
    for (const brokerId of [7, -1])
      await client.attempt('UnregisterBroker', 0, { brokerId }, `broker ${brokerId}`)
  }
}

export const features: Conversation = {
  name: 'features',
  needs: ['UpdateFeatures'],
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('UpdateFeatures')) {
      const ask = (note: string, ...updates: readonly Partial<Update>[]) =>
        client.attempt(
          'UpdateFeatures',
          version,
          {
            timeoutMs: 10_000,
            featureUpdates: updates.map(update => ({
              feature: 'transaction.version',
              maxVersionLevel: 2,
              ...(version === 0 ? { allowDowngrade: false } : {}),
              ...update
            })),
            ...(version === 0 ? {} : { validateOnly: true })
          },
          note
        )
      await ask('none')
      await ask('to what it is', {})
      await ask('one that there is not', { feature: 'nonsense.version', maxVersionLevel: 1 })
      await ask('without a name', { feature: '' })
      await ask('too high', { maxVersionLevel: 99 })
      await ask('below zero', { maxVersionLevel: -1 })
      await ask('lower, as if it were higher', { maxVersionLevel: 1 })
      await ask('one twice', {}, {})
      await ask('good and bad', {}, { feature: 'nonsense.version', maxVersionLevel: 1 })
      if (version === 0) continue
      await ask('lower', { maxVersionLevel: 1, upgradeType: 2 })
      await ask('lower, whatever it costs', { maxVersionLevel: 1, upgradeType: 3 })
      await ask('to nothing', { maxVersionLevel: 0, upgradeType: 2 })
      await ask('in a way that there is not', { upgradeType: 9 })
      await ask('higher, as if it were lower', { maxVersionLevel: 2, upgradeType: 2 })
    }
  }
}

export const telemetry: Conversation = {
  name: 'telemetry',
  needs: ['GetTelemetrySubscriptions', 'PushTelemetry'],
  async run(talk) {
    const get = (note: string, clientInstanceId: string, clientId = 'client') =>
      talk.connect(clientId).attempt('GetTelemetrySubscriptions', 0, { clientInstanceId }, note)
    const first = await get('the first time', zeroUuid)
    if (first === null) return
    const { clientInstanceId, subscriptionId } = first
    await get('again', clientInstanceId)
    await get('with an id of its own', 'AAAAAAAAAAAAAAAAAAAAgw')
    await get('with a reserved id', 'AAAAAAAAAAAAAAAAAAAAAQ')
    const push = (note: string, more: Partial<Request<'PushTelemetry'>> = {}) =>
      talk.connect().attempt(
        'PushTelemetry',
        0,
        {
          clientInstanceId,
          subscriptionId,
          terminating: false,
          compressionType: 0,
          metrics: Buffer.alloc(0),
          ...more
        },
        note
      )
    await push('another subscription', { subscriptionId: subscriptionId + 1 })
    await push('without an id', { clientInstanceId: zeroUuid })
    await push('of a client that is not known', { clientInstanceId: 'AAAAAAAAAAAAAAAAAAAAww' })
    await push('nothing')
    await push('too early')
    const fresh = async (clientInstance: string) => {
      const got = await talk.setup.ask('GetTelemetrySubscriptions', 0, {
        clientInstanceId: clientInstance
      })
      return { clientInstanceId: clientInstance, subscriptionId: got.subscriptionId }
    }
    await push('packed by nothing known', {
      ...(await fresh('BAAAAAAAAAAAAAAAAAAAAw')),
      compressionType: 9
    })
    await push('too large', {
      ...(await fresh('BBAAAAAAAAAAAAAAAAAAAw')),
      metrics: Buffer.alloc(1_100_000)
    })
    await push('no metrics', {
      ...(await fresh('BCAAAAAAAAAAAAAAAAAAAw')),
      metrics: Buffer.from('not metrics at all')
    })
    const ending = await fresh('BDAAAAAAAAAAAAAAAAAAAw')
    await push('the last', { ...ending, terminating: true })
    await push('after the last', { ...ending, terminating: true })
  }
}

export const replicaLogDirs: Conversation = {
  name: 'replica-log-dirs',
  needs: ['AlterReplicaLogDirs'],
  async run(talk) {
    const client = talk.connect()
    const { name } = await talk.topic('a', { partitions: 2 })
    const { results } = await talk.setup.ask('DescribeLogDirs', 1, { topics: [] })
    const path = results[0]!.logDir
    for (const version of versions('AlterReplicaLogDirs')) {
      const ask = (note: string, dirs: Request<'AlterReplicaLogDirs'>['dirs']) =>
        client.attempt('AlterReplicaLogDirs', version, { dirs }, note)
      await ask('to where they are', [{ path, topics: [{ name, partitions: [0, 1] }] }])
      await ask('nothing', [])
      await ask('to a folder that is not there', [
        { path: '/nowhere/at/all', topics: [{ name, partitions: [0] }] }
      ])
      await ask('to a relative folder', [{ path: 'here', topics: [{ name, partitions: [0] }] }])
      await ask('not there', [
        {
          path,
          topics: [
            { name, partitions: [7, -1] },
            { name: talk.name('nowhere'), partitions: [0] }
          ]
        }
      ])
      await ask('a name that is none', [{ path, topics: [{ name: 'a b', partitions: [0] }] }])
      await ask('one twice', [{ path, topics: [{ name, partitions: [0, 0] }] }])
    }
  }
}
