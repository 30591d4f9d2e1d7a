import type { Conversation, Request } from '../talk.ts'

type Alteration = Request<'AlterUserScramCredentials'>
type Upsertion = Alteration['upsertions'][number]

const mechanisms = { unknown: 0, sha256: 1, sha512: 2, another: 9 } as const

function upsertion(name: string, more: Partial<Upsertion> = {}): Upsertion {
  return {
    name,
    mechanism: mechanisms.sha256,
    iterations: 4_096,
    salt: Buffer.from('salt'),
    saltedPassword: Buffer.alloc(32, 1),
    ...more
  }
}

export const scramCredentials: Conversation = {
  name: 'scram-credentials',
  needs: ['DescribeUserScramCredentials', 'AlterUserScramCredentials'],
  async run(talk) {
    const client = talk.connect()
    const [a, b, nobody] = [talk.name('a'), talk.name('b'), talk.name('nobody')]
    const alter = (note: string, more: Partial<Alteration>) =>
      client.attempt(
        'AlterUserScramCredentials',
        0,
        { deletions: [], upsertions: [], ...more },
        note
      )
    const describe = (note: string, ...names: readonly string[]) =>
      client.attempt(
        'DescribeUserScramCredentials',
        0,
        { users: names.map(name => ({ name })) },
        note
      )
    await alter('nothing', {})
    await alter('two', {
      upsertions: [upsertion(a), upsertion(b, { mechanism: mechanisms.sha512 })]
    })
    await alter('of a type more', { upsertions: [upsertion(a, { mechanism: mechanisms.sha512 })] })
    for (const iterations of [0, -1, 4_095, 16_384, 16_385])
      await alter(`${iterations} iterations`, { upsertions: [upsertion(b, { iterations })] })
    for (const mechanism of [0, 9, -1])
      await alter(`mechanism ${mechanism}`, { upsertions: [upsertion(b, { mechanism })] })
    for (const mechanism of [0, 9])
      await alter(`deletes of mechanism ${mechanism}`, { deletions: [{ name: b, mechanism }] })
    await alter('no name', { upsertions: [upsertion('')] })
    await alter('deletes of no name', { deletions: [{ name: '', mechanism: 1 }] })
    await alter('no salt', { upsertions: [upsertion(b, { salt: Buffer.alloc(0) })] })
    await alter('no password', { upsertions: [upsertion(b, { saltedPassword: Buffer.alloc(0) })] })
    await alter('one twice', { upsertions: [upsertion(a), upsertion(a)] })
    await alter('deletes one twice', {
      deletions: [
        { name: a, mechanism: 1 },
        { name: a, mechanism: 1 }
      ]
    })
    await alter('deletes and makes the same', {
      deletions: [{ name: a, mechanism: 1 }],
      upsertions: [upsertion(a)]
    })
    await alter('deletes what is not there', { deletions: [{ name: nobody, mechanism: 1 }] })
    await alter('deletes what is not there, beside a good one', {
      deletions: [{ name: nobody, mechanism: 1 }],
      upsertions: [upsertion(b)]
    })
    await client.askUntil(
      'DescribeUserScramCredentials',
      0,
      { users: [{ name: a }, { name: b }] },
      ({ results }) => results.every(({ credentialInfos }) => credentialInfos.length === 2)
    )
    await describe('one that is not there', nobody, a)
    await describe('one twice', a, a, b)
    await describe('no name', '')
    await alter('deletes one', { deletions: [{ name: a, mechanism: 1 }] })
    await client.askUntil(
      'DescribeUserScramCredentials',
      0,
      { users: [{ name: a }] },
      ({ results }) => results[0]!.credentialInfos.length === 1,
      'when one is deleted'
    )
    await alter('deletes the rest', {
      deletions: [
        { name: a, mechanism: 2 },
        { name: b, mechanism: 1 }
      ]
    })
    await alter('deletes the last', { deletions: [{ name: b, mechanism: 2 }] })
    await client.askUntil(
      'DescribeUserScramCredentials',
      0,
      { users: null },
      ({ results }) => results.length === 0,
      'all, when none are left'
    )
  }
}
