import { batchOf } from '../batches.ts'
import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'

export const logDirs: Conversation = {
  name: 'log-dirs',
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 2 })
    const empty = await talk.topic('b')
    await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(['one', 'two'])))
    await client.attempt('DescribeLogDirs', 0, { topics: null })
    for (const version of versions('DescribeLogDirs', 1)) {
      const ask = (note: string, topics: Request<'DescribeLogDirs'>['topics']) =>
        client.attempt('DescribeLogDirs', version, { topics }, note)
      await ask('all', null)
      await ask('none', [])
      await ask('some', [
        { topic: topic.name, partitions: [1, 0] },
        { topic: empty.name, partitions: [0] }
      ])
      await ask('not there', [
        { topic: topic.name, partitions: [7, 0] },
        { topic: talk.name('nowhere'), partitions: [0] }
      ])
      await ask('one twice', [
        { topic: topic.name, partitions: [0, 0] },
        { topic: topic.name, partitions: [0] }
      ])
      await ask('no partitions', [{ topic: topic.name, partitions: [] }])
    }
  }
}
