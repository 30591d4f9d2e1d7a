import type { Conversation, Request } from '../talk.ts'

const from = (topicName: string, partitionIndex: number) => ({
  cursor: { topicName, partitionIndex }
})

export const describeTopicPartitions: Conversation = {
  name: 'describe-topic-partitions',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    const a = (await talk.topic('a', { partitions: 3 })).name
    const b = (await talk.topic('b', { partitions: 2 })).name
    const c = (await talk.topic('c')).name
    const nowhere = talk.name('bb-nowhere')
    const ask = (
      note: string,
      names: readonly string[],
      more: Partial<Request<'DescribeTopicPartitions'>> = {}
    ) =>
      client.attempt(
        'DescribeTopicPartitions',
        0,
        { topics: names.map(name => ({ name })), ...more },
        note
      )
    await ask('one', [a])
    await ask('three, out of order', [c, a, b])
    await ask('one twice', [a, a])
    await ask('one that is not there', [c, nowhere, a])
    await ask('only one that is not there', [nowhere])
    for (const name of ['a b', '', '..', 'x'.repeat(250)])
      await ask(`the name '${name.slice(0, 20)}'`, [name])
    await ask('a name that is none beside a good one', ['a b', a])
    await ask('an internal one', ['__consumer_offsets'], { responsePartitionLimit: 2 })
    for (const responsePartitionLimit of [-1, 0, 1, 2, 3, 4, 5, 6, 7, 100_000])
      await ask(`at most ${responsePartitionLimit}`, [a, b, c], { responsePartitionLimit })
    await ask('at most 4 with one that is not there', [a, b, nowhere, c], {
      responsePartitionLimit: 4
    })
    await ask('at most 5 with one that is not there', [a, b, nowhere, c], {
      responsePartitionLimit: 5
    })
    await ask('from the start', [a, b, c], from(a, 0))
    await ask('from the middle of a', [a, b, c], from(a, 1))
    await ask('from the end of a', [a, b, c], from(a, 3))
    await ask('from far behind the end of a', [a, b, c], from(a, 30))
    await ask('from b on', [a, b, c], from(b, 0))
    await ask('from b on, which was not asked', [a, c], from(b, 0))
    await ask('from what is not there', [a, b, c], from(nowhere, 0))
    await ask('from what is not there and was asked', [a, b, nowhere, c], from(nowhere, 0))
    await ask('from behind everything', [a, b], from(`${c}c`, 0))
    await ask('from an empty name', [a, b], from('', 0))
    await ask('from partition -1', [a, b], from(a, -1))
    await ask('from b on, at most 1', [a, b, c], { ...from(b, 0), responsePartitionLimit: 1 })
    await ask('from b 1 on, at most 1', [a, b, c], { ...from(b, 1), responsePartitionLimit: 1 })
    await ask('the rest', [a, b, c], { ...from(c, 0), responsePartitionLimit: 1 })
  }
}
