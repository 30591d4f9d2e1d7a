import type { Conversation } from '../talk.ts'
import { versions } from '../versions.ts'

export const configResources: Conversation = {
  name: 'config-resources',
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a')
    const groupId = talk.name('group')
    await talk.setup.ask('IncrementalAlterConfigs', 1, {
      resources: [
        {
          resourceType: 32,
          resourceName: groupId,
          configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '50000' }]
        },
        {
          resourceType: 2,
          resourceName: topic.name,
          configs: [{ name: 'retention.ms', configOperation: 0, value: '50000' }]
        }
      ],
      validateOnly: false
    })
    for (const version of versions('ListConfigResources')) {
      await client.attempt('ListConfigResources', version, {}, 'of all types')
      for (const type of [0, 1, 2, 4, 8, 16, 32, 64, -1])
        await client.attempt(
          'ListConfigResources',
          version,
          { resourceTypes: [type] },
          `of type ${type}`
        )
      await client.attempt(
        'ListConfigResources',
        version,
        { resourceTypes: [2, 4, 32] },
        'of three types'
      )
      await client.attempt(
        'ListConfigResources',
        version,
        { resourceTypes: [2, 2] },
        'of one type twice'
      )
      await client.attempt(
        'ListConfigResources',
        version,
        { resourceTypes: [2, 99] },
        'of a type that is and one that is not'
      )
    }
  }
}
