import { batchOf } from '../batches.ts'
import type { Conversation, Speaker, Talk } from '../talk.ts'
import { fetchOf } from './fetch.ts'
import { produceTo } from './produce.ts'

export const fetchWaiting: Conversation = {
  name: 'fetch-waiting',
  async run(talk) {
    const reader = talk.connect('reader')
    const writer = talk.connect('writer')
    const topic = await talk.topic('a', { partitions: 2 })
    const other = await talk.topic('b')
    let end = 0
    for (const version of [4, 7, 11, 12, 13, 18]) {
      const waiting = { maxWaitMs: 20_000, minBytes: 150 }
      const fetched = reader.ask(
        'Fetch',
        version,
        fetchOf(
          [
            [topic, { fetchOffset: end }, { partition: 1, fetchOffset: end }],
            [other, {}]
          ],
          waiting
        ),
        'waits for 150 bytes'
      )
      await talk.noteWaiting(`v${version} waits for bytes`, fetched)
      await writer.ask('Produce', 9, produceTo(topic, batchOf(['x'])), `one for v${version}`)
      await talk.noteWaiting(`v${version} waits for more bytes`, fetched)
      const rest = produceTo(topic, batchOf(['y'.repeat(40)]), { index: 1 })
      await writer.ask('Produce', 9, rest, `two for v${version}`)
      await fetched
      await writer.ask('Produce', 9, produceTo(topic, batchOf(['z']), { index: 1 }), 'evening out')
      await writer.ask('Produce', 9, produceTo(topic, batchOf(['z'])), 'evening out the other')
      end += 2
    }
    const far = reader.ask(
      'Fetch',
      11,
      fetchOf([[topic, { fetchOffset: end }]], { maxWaitMs: 300, minBytes: 1 }),
      'waits 300 ms'
    )
    await far
    const gone = reader.attempt(
      'Fetch',
      11,
      fetchOf([[other, {}]], { maxWaitMs: 20_000, minBytes: 1 }),
      'of a topic that is deleted'
    )
    await talk.noteWaiting('a fetch of a topic that will be deleted', gone)
    await writer.ask('DeleteTopics', 3, { topicNames: [other.name], timeoutMs: 10_000 })
    await gone
    const lacking = reader.ask(
      'Fetch',
      11,
      fetchOf([[topic, { fetchOffset: end }, { partition: 7 }]], { maxWaitMs: 2_000, minBytes: 1 }),
      'a partition that is not there'
    )
    await talk.noteWaiting('a partition that is not there does not end a wait', lacking)
    await lacking
    const session = await reader.ask(
      'Fetch',
      13,
      fetchOf([[topic, { fetchOffset: end }]], { sessionEpoch: 0 }),
      'a session'
    )
    const { sessionId } = session
    const incremental = reader.ask(
      'Fetch',
      13,
      { ...fetchOf([], { maxWaitMs: 20_000, minBytes: 1 }), sessionId, sessionEpoch: 1 },
      'of a session'
    )
    await talk.noteWaiting('a fetch of a session waits', incremental)
    await writer.ask(
      'Produce',
      9,
      produceTo(topic, batchOf(['for the session'])),
      'for the session'
    )
    await incremental
    await insideBatches(talk, reader)
  }
}

/** Limits that end inside a batch: it does not come, and is not waited for. */
async function insideBatches(talk: Talk, reader: Speaker): Promise<void> {
  const topic = await talk.topic('c', { partitions: 2 })
  const records = batchOf(['x'.repeat(100)])
  for (const index of [0, 0, 0, 1])
    await talk.setup.ask('Produce', 9, produceTo(topic, records, { index }))
  const minBytes = 3 * records.length - 1
  const waiting = { maxWaitMs: 5_000, minBytes }
  const one = fetchOf([[topic, { partitionMaxBytes: minBytes }]], waiting)
  const all = fetchOf([[topic, {}]], { ...waiting, maxBytes: minBytes })
  const two = fetchOf([[topic, {}, { partition: 1, partitionMaxBytes: records.length - 1 }]], {
    ...waiting,
    minBytes: 4 * records.length - 1
  })
  for (const [note, request] of Object.entries({ one, all, two })) {
    const fetched = reader.ask('Fetch', 12, request, `limits inside a batch, of ${note}`)
    await talk.noteWaiting(`a fetch with limits inside a batch, of ${note}`, fetched)
    await fetched
  }
}
