import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

export const initProducerId: Conversation = {
  name: 'init-producer-id',
  async run(talk) {
    const client = talk.connect()
    await talk.setup.askUntil(
      'InitProducerId',
      1,
      { transactionalId: null, transactionTimeoutMs: 0 },
      ({ errorCode }) => errorCode === 0
    )
    for (const version of versions('InitProducerId', 0, 5)) {
      const ask = (note: string, more: Partial<Request<'InitProducerId'>> = {}) =>
        client.attempt(
          'InitProducerId',
          version,
          { transactionalId: null, transactionTimeoutMs: 60_000, ...more },
          note
        )
      await ask('a new one')
      await ask('another one')
      for (const transactionTimeoutMs of [0, -1, 2_147_483_647])
        await ask(`time-out ${transactionTimeoutMs}`, { transactionTimeoutMs })
      await ask('an empty transactional id', { transactionalId: '' })
      if (version >= 3) {
        await ask('a producer id and epoch', { producerId: 1, producerEpoch: 0 })
        await ask('a producer id alone', { producerId: 1 })
        await ask('an epoch alone', { producerEpoch: 3 })
        await ask('an empty transactional id and a producer', {
          transactionalId: '',
          producerId: 1,
          producerEpoch: 0
        })
        await ask('an empty transactional id and half a producer', {
          transactionalId: '',
          producerId: 1
        })
      }
    }
  }
}
