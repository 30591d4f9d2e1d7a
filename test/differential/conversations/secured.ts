import type { ApiName } from '../../../src/wire/generated/api-table.ts'
import type { Conversation, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'
import { allOf, tokens } from './delegation-tokens.ts'

const saslApis: readonly ApiName[] = ['SaslHandshake', 'SaslAuthenticate']

/** A connection over which somebody has logged in. The log-in is not part of the transcript. */
export async function loggedIn(talk: Talk, user: string, password?: string): Promise<Speaker> {
  const client = talk.connect('client', { isSecured: true })
  await client.unrecorded().ask('SaslHandshake', 1, { mechanism: 'PLAIN' })
  const answer = await client.unrecorded().ask('SaslAuthenticate', 2, {
    authBytes: Buffer.from(`\0${user}\0${password ?? `${user}-secret`}`)
  })
  if (answer.errorCode !== 0) throw new Error(`${user} cannot log in: ${answer.errorMessage}`)
  return client
}

export const saslPlaintext: Conversation = {
  name: 'sasl-without-need',
  needs: saslApis,
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('SaslHandshake'))
      for (const mechanism of ['PLAIN', 'nonsense', ''])
        await client.attempt('SaslHandshake', version, { mechanism }, `'${mechanism}'`)
    for (const version of versions('SaslAuthenticate'))
      await client.attempt('SaslAuthenticate', version, { authBytes: Buffer.from('\0a\0b') })
  }
}

export const sasl: Conversation = {
  name: 'sasl',
  setup: 'secured',
  needs: saslApis,
  async run(talk) {
    const fresh = () => talk.connect('client', { isSecured: true })
    for (const version of versions('SaslHandshake'))
      for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'GSSAPI', 'plain', ''])
        await fresh().attempt('SaslHandshake', version, { mechanism }, `'${mechanism}'`)
    for (const version of versions('SaslAuthenticate')) {
      const login = async (note: string, bytes: Buffer) => {
        const client = fresh()
        await client.unrecorded().ask('SaslHandshake', 1, { mechanism: 'PLAIN' })
        await client.attempt('SaslAuthenticate', version, { authBytes: bytes }, note)
        await client.noteOpen(`v${version}, after ${note}`)
        return client
      }
      const good = await login('a good password', Buffer.from('\0alice\0alice-secret'))
      await good.attempt('SaslHandshake', 1, { mechanism: 'PLAIN' }, `v${version}, again`)
      const again = await login('a good password, again', Buffer.from('\0alice\0alice-secret'))
      const authBytes = Buffer.from('\0alice\0alice-secret')
      await again.attempt('SaslAuthenticate', version, { authBytes }, 'twice')
      await login('a wrong password', Buffer.from('\0alice\0wrong'))
      await login('a user that is not there', Buffer.from('\0stranger\0x'))
      await login('no user', Buffer.from('\0\0x'))
      await login('no password', Buffer.from('\0alice\0'))
      await login('for another', Buffer.from('bob\0alice\0alice-secret'))
      await login('for oneself', Buffer.from('alice\0alice\0alice-secret'))
      await login('no zeros', Buffer.from('alice'))
      await login('too many zeros', Buffer.from('\0alice\0alice-secret\0'))
      await login('nothing', Buffer.alloc(0))
      await fresh().attempt('SaslAuthenticate', version, { authBytes }, 'without a handshake')
    }
    const early = fresh()
    await early.attempt('Metadata', 9, { topics: [] }, 'before the log-in')
    const asked = { clientSoftwareName: 'a', clientSoftwareVersion: '1' }
    const first = fresh()
    await first.attempt('ApiVersions', 3, asked, 'before the log-in')
    await first.attempt('ApiVersions', 3, asked, 'before the log-in, twice')
    await first.attempt('SaslHandshake', 1, { mechanism: 'PLAIN' }, 'after ApiVersions')
    await first.attempt('ApiVersions', 3, asked, 'between handshake and log-in')
    const between = fresh()
    await between.unrecorded().ask('SaslHandshake', 1, { mechanism: 'PLAIN' })
    await between.attempt('Metadata', 9, { topics: [] }, 'between handshake and log-in')
    const wrongMechanism = fresh()
    await wrongMechanism.attempt('SaslHandshake', 1, { mechanism: 'GSSAPI' }, 'a wrong one first')
    await wrongMechanism.attempt('SaslHandshake', 1, { mechanism: 'PLAIN' }, 'then a right one')
  }
}

export const delegationTokens: Conversation = {
  name: 'delegation-tokens',
  setup: 'secured',
  needs: [
    ...saslApis,
    'CreateDelegationToken',
    'RenewDelegationToken',
    'ExpireDelegationToken',
    'DescribeDelegationToken'
  ],
  async run(talk) {
    const alice = await loggedIn(talk, 'alice')
    const nobody = await loggedIn(talk, 'nobody')
    await tokens(nobody, alice)
    await tokens(await loggedIn(talk, 'admin'), nobody)
    await allOf(nobody, Buffer.from('x'), 'of nobody')
    const unauthenticated = talk.connect()
    await allOf(unauthenticated, Buffer.from('x'), 'without log-in')
  }
}
